"""When a change is over, what is kept, and what is copied."""

import json
from pathlib import Path

import pytest
from changing_shop import DEARER, ChangingShop

from nextbest_service.home import Home
from nextbest_service.reload.findings import Finding, Part
from nextbest_service.reload.health import Health
from nextbest_service.reload.proving import read_findings, write_findings
from nextbest_service.reload.shelf import KEPT, Shelf
from nextbest_service.reload.snapshot import Snapshot, as_written, take
from nextbest_service.reload.sources import Look, Sources
from nextbest_service.reload.watch import Orders, Settling, appearance

A, B = ((("a", 1, 1, 1),), (("b", 1, 1, 1),))


@pytest.mark.parametrize(
    ("looks", "due"),
    [
        ([A], []),
        ([A, A], [1]),
        ([A, A, A], [1]),
        ([A, A, B, A, A], [1]),  # it went and came back: nothing has changed
        ([A, A, B, B], [1, 3]),
        ([A, B, A, B, B], [4]),
    ],
)
def test_a_change_is_over_once_it_looks_the_same_twice(looks: list[Look], due: list[int]) -> None:
    settling = Settling()
    assert [place for place, look in enumerate(looks) if settling.is_due(look)] == due


def snapshot_of(shop: ChangingShop, shelf: Shelf) -> Snapshot:
    return take(shelf.draft(), shop.catalog, {})


def test_the_last_few_that_served_are_kept_and_the_newest_is_found(shop_on_disk: ChangingShop) -> None:
    shelf = Shelf.of(shop_on_disk.home, str(shop_on_disk.catalog))
    assert shelf.newest() is None
    kept = []
    for number in range(KEPT + 2):
        shop_on_disk.write(DEARER.replace("400.0", f"40{number}.0"))
        kept.append(shelf.keep(snapshot_of(shop_on_disk, shelf)))
        assert shelf.newest() == kept[-1]
    there = {path.name for path in shelf.root.iterdir() if path.is_dir()}
    assert there == {snapshot.key for snapshot in kept[-KEPT:]}
    again = shelf.keep(snapshot_of(shop_on_disk, shelf))
    assert again == kept[-1]
    assert again.catalog.is_dir()


def test_a_note_of_the_newest_that_leads_elsewhere_is_nobody(
    shop_on_disk: ChangingShop, tmp_path: Path
) -> None:
    shelf = Shelf.of(Home(tmp_path / "home"), str(shop_on_disk.catalog))
    shelf.root.mkdir(parents=True)
    for text in ("", "[]", "{}", '{"snapshot": "../../shop"}', '{"snapshot": 3}'):
        (shelf.root / "newest.json").write_text(text)
        assert shelf.newest() is None


def test_equal_content_has_an_equal_key_whatever_its_files_look_like(shop_on_disk: ChangingShop) -> None:
    shelf = Shelf.of(shop_on_disk.home, str(shop_on_disk.catalog))
    first = snapshot_of(shop_on_disk, shelf)
    for path in shop_on_disk.catalog.rglob("*.yaml"):
        path.touch()
    assert snapshot_of(shop_on_disk, shelf).key == first.key
    shop_on_disk.write(DEARER)
    assert snapshot_of(shop_on_disk, shelf).key != first.key


def test_messages_name_the_files_that_people_know(shop_on_disk: ChangingShop) -> None:
    shelf = Shelf.of(shop_on_disk.home, str(shop_on_disk.catalog))
    models = {"champion": shop_on_disk.root / "gone"}
    snapshot = take(shelf.draft(), shop_on_disk.catalog, models)
    message = f"there is no model in {snapshot.models['champion']}"
    told = as_written(message, snapshot, shop_on_disk.catalog, models)
    assert told == f"there is no model in {shop_on_disk.root}/gone"


def test_what_cannot_be_found_is_a_look_of_its_own(shop_on_disk: ChangingShop) -> None:
    sources = Sources(str(shop_on_disk.catalog), shop_on_disk.home)
    before = appearance(sources, "corner_shop")
    history = shop_on_disk.home.models("corner_shop") / "in-use.jsonl"
    history.parent.mkdir(parents=True)
    history.write_text("no history")
    damaged = appearance(sources, "corner_shop")
    shop_on_disk.catalog.rename(shop_on_disk.root / "away")
    assert len({before, damaged, appearance(sources, "corner_shop")}) == 3


def test_orders_are_heard_by_others_and_once(tmp_path: Path) -> None:
    one, other = Orders.of(tmp_path), Orders.of(tmp_path)
    one.give()
    assert not one.is_new()
    assert other.is_new()
    assert not other.is_new()
    assert not Orders.of(tmp_path).is_new()  # past ones are over


def test_parts_are_since_when_they_changed() -> None:
    times = iter(range(1, 100))
    health = Health(lambda: next(times))
    since = health.parts[Part.MODEL].since_ms
    health.works(Part.MODEL)
    assert health.parts[Part.MODEL].since_ms == since
    health.fails(
        [Finding(Part.MODEL, "one"), Finding(Part.MODEL, "two"), Finding(Part.CATALOG, "x", warning=True)]
    )
    failed = health.parts[Part.MODEL]
    assert (failed.healthy, failed.detail) == (False, "one (and 1 more)")
    assert failed.since_ms > since
    assert health.parts[Part.CATALOG].healthy


def test_findings_go_through_a_pipe_and_anything_else_does_not() -> None:
    findings = (Finding(Part.CATALOG, "no", "a.yaml", 1, 2), Finding(Part.MODEL, "warned", warning=True))
    assert read_findings(write_findings(findings)) == findings
    for text in (b"", b"3", b"[3]", b"[{}]", json.dumps([{"part": "nothing", "message": ""}]).encode()):
        with pytest.raises(ValueError, match="no findings"):
            read_findings(text)
