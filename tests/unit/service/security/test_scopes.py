"""What a caller may ask for, down to what its question leaves open."""

from dataclasses import replace

import pytest
from corner_shop import catalog

from nextbest_rules import Placement
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.errors import PermissionDeniedError
from nextbest_service.security.permissions import ANY_NAME, Names, Permissions, asked_by

EVERYTHING = Permissions(frozenset(), ANY_NAME, ANY_NAME, ANY_NAME, ExplainLevel.FULL)
HOME = catalog().placements["home"]


def only(*names: str) -> Names:
    return Names(frozenset(names))


def request(placement: Placement = HOME, channel: str = "web", **fields: object) -> DecisionRequest:
    """Return a question as the decider sees it."""
    asked = PlacementRequest(placement, 1, 0)
    plain = DecisionRequest("", (), (asked,), channel, "acme", "", "", {}, 0, ExplainLevel.NONE, False, False)
    return plain._replace(**fields)


def denied(permissions: Permissions, asked: DecisionRequest) -> list[str]:
    """Return the fields that are not permitted."""
    try:
        permissions.check(asked_by(asked))
    except PermissionDeniedError as error:
        return [violation.field for violation in error.violations]
    return []


def test_nothing_is_permitted_by_default() -> None:
    assert denied(Permissions(), request()) == ["placements[0].id", "channel", "brand"]
    assert denied(EVERYTHING, request()) == []


@pytest.mark.parametrize(
    ("scope", "field"), [("placements", "placements[0].id"), ("channels", "channel"), ("brands", "brand")]
)
def test_each_scope_holds_alone(scope: str, field: str) -> None:
    assert denied(EVERYTHING._replace(**{scope: Names()}), request()) == [field]
    assert denied(EVERYTHING._replace(**{scope: only("home", "web", "acme")}), request()) == []
    assert denied(EVERYTHING._replace(**{scope: only("hom", "web2", "acm", "")}), request()) == [field]


def test_where_the_service_chooses_the_channel_all_that_it_may_choose_are_needed() -> None:
    anywhere = replace(HOME, channels=("web", "email"))
    for channels, fields in ((only("web"), ["channel"]), (only("web", "email"), [])):
        permissions = EVERYTHING._replace(channels=channels)
        assert denied(permissions, request(anywhere, channel="")) == fields
        assert denied(permissions, request(anywhere, channel="web")) == []


@pytest.mark.parametrize("most", list(ExplainLevel))
@pytest.mark.parametrize("level", list(ExplainLevel))
def test_nobody_is_explained_more_than_permitted(level: ExplainLevel, most: ExplainLevel) -> None:
    expected = ["explain_level"] if level > most else []
    assert denied(EVERYTHING._replace(explain=most), request(explain=level)) == expected


def test_a_default_brand_counts_as_if_it_had_been_named() -> None:
    assert denied(EVERYTHING._replace(brands=only("other")), request(brand="")) == ["brand"]
