from pathlib import Path

import pytest

from benchmarks.growth.catalog_files import write_catalog
from benchmarks.traffic.scene import Scene, limit_of
from nextbest_rules import Direction


@pytest.fixture(scope="module", params=["grocery", "bank"])
def scene(request: pytest.FixtureRequest) -> Scene:
    return Scene.read(request.param, ["7"])


def test_pages_ask_where_customers_are_here_and_campaigns_where_we_reach_out(scene: Scene) -> None:
    assert {it.direction for many in scene.web.values() for it in many} == {Direction.INBOUND}
    assert {it.direction for it in scene.outbound} == {Direction.OUTBOUND}


def test_placements_of_one_page_have_the_channel_in_common(scene: Scene) -> None:
    for channel, placements in scene.web.items():
        assert placements
        assert all(channel in it.channels for it in placements)


def test_agents_ask_at_the_call_centre_where_there_is_one() -> None:
    assert Scene.read("bank", ["7"]).contact_centre.id == "agent_desktop"
    assert Scene.read("grocery", ["7"]).contact_centre.direction is Direction.INBOUND


def test_nobody_browses_at_the_agents_desk() -> None:
    assert "call_centre" not in Scene.read("bank", ["7"]).web


def test_visitors_have_a_name_that_is_anonymous(scene: Scene) -> None:
    assert scene.known == "customer"
    assert scene.visitor(3).namespace == {"grocery": "cookie", "bank": "device"}[_name(scene)]
    assert scene.customer().id == "7"


def test_only_what_the_catalog_declares_is_told_of_a_moment(scene: Scene) -> None:
    context = scene.moment().context
    told = {*context.strings, *context.numbers, *context.flags}
    assert told == {*scene.context.declarations}


def test_never_more_is_asked_for_than_a_placement_lets(scene: Scene) -> None:
    for placement in (*scene.outbound, scene.contact_centre):
        assert all(1 <= limit_of(placement) <= placement.max_limit for _ in range(20))


def test_a_catalog_with_one_placement_and_one_namespace_can_be_asked_by_everybody(tmp_path: Path) -> None:
    """Campaigns come to its page then, and visitors have the customers' namespace."""
    scene = Scene.read(str(write_catalog(tmp_path / "small", actions=3, predicates=5)), ["7"])
    assert [it.id for it in scene.outbound] == [scene.contact_centre.id] == ["home"]
    assert scene.visitor(3).namespace == scene.known == "customer"


def _name(scene: Scene) -> str:
    return "bank" if "city" in scene.context.declarations else "grocery"
