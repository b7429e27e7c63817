"""Events of rows become exactly what the API makes of the same events, faults included."""

from dataclasses import replace
from math import inf, nan

import pytest
from corner_shop import NOW_MS
from hypothesis import given
from hypothesis import strategies as st

from nextbest_rules import load_catalog
from nextbest_service.api.read_event import EventReader
from nextbest_service.bulk.event_drafts import DraftItem, DraftReader, EventDraft
from nextbest_service.catalogs import find_catalog
from nextbest_service.errors import ServiceError

CATALOG = load_catalog(find_catalog("grocery"))
BANK = load_catalog(find_catalog("bank"))
ORDER = EventDraft(
    "o-1",
    "shop",
    "order.placed",
    time_ms=NOW_MS,
    identities=[("customer", "7"), ("Cookie", "c-7")],
    items=[DraftItem("tea", 2.0, 3.5), DraftItem("milk")],
    properties={"retail_discount": 0.5, "coupon_lines": 1, "with_coupon": True},
)


def outcome(read: object) -> object:
    """Return what a reading gives, or why it is refused."""
    try:
        return read()  # type: ignore[operator]
    except ServiceError as error:
        return type(error), error.violations


def check_same(catalog: object, draft: EventDraft) -> object:
    """Check that both ways lead to the same, and return it."""
    own = outcome(lambda: DraftReader(catalog).read(draft))
    assert own == outcome(lambda: EventReader.of(catalog).read(draft.message(), ""))
    return own


def test_a_sound_event_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = EventReader.of(CATALOG).read(ORDER.message(), "")
    monkeypatch.setattr(EventDraft, "message", lambda _: pytest.fail("the long way"))
    assert DraftReader(CATALOG).read(ORDER) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "x" * 65},
        {"id": "ü" * 33},
        {"source": ""},
        {"type": "order.placd"},
        {"type": ""},
        {"type": "segment.entered"},
        {"type": "ticket.opened"},
        {"type": "ticket.opened", "subject": "T1"},
        {"type": "question.answered", "subject": "nothing"},
        {"time_ms": 0},
        {"time_ms": -1},
        {"subject": "x" * 129},
        {"channel": "x" * 65},
        {"channel": "ünï"},
        {"brand": "nobody"},
        {"identities": []},
        {"identities": [("customer", str(n)) for n in range(9)]},
        {"identities": [("customer", "")]},
        {"identities": [("cust omer", "7")]},
        {"identities": [("customer", "ü" * 65)]},
        {"items": [DraftItem("")]},
        {"items": [DraftItem("x" * 65)]},
        {"items": [DraftItem("tea", amount=-1.0)]},
        {"items": [DraftItem("tea", amount=inf)]},
        {"items": [DraftItem("tea", quantity=nan)]},
        {"items": [DraftItem("tea", amount=1e16)]},
        {"items": [DraftItem("tee mit rühm")]},
        {"items": [DraftItem("tea", keys={"product_type": ("TEA", "TEA")})]},
        {"items": [DraftItem("tea", keys={"nothing": ("TEA",)})]},
        {"items": [DraftItem("tea", keys={"product_type": ()})]},
        {"items": [DraftItem("tea")] * 1001},
        {"properties": {"nothing": 1}},
        {"properties": {"retail_discount": inf}},
        {"properties": {"retail_discount": nan}},
        {"properties": {}},
    ],
    ids=str,
)
def test_whatever_is_unusual_is_judged_as_the_api_judges_it(change: dict[str, object]) -> None:
    check_same(CATALOG, replace(ORDER, **change))


texts = st.text(st.characters(codec="utf-8"), max_size=70)
numbers = st.floats(-1, 1e16) | st.sampled_from([inf, nan, 0.0, 1e15])


@given(
    st.builds(
        EventDraft,
        id=texts,
        source=texts,
        type=st.sampled_from([*BANK.events, "nothing"]),
        subject=st.sampled_from(["", *BANK.facts.declarations]) | texts,
        time_ms=st.integers(-1, NOW_MS),
        brand=st.sampled_from(["", *BANK.brands, "nobody"]),
        channel=texts,
        identities=st.lists(st.tuples(st.sampled_from(["customer", "E_mail", "7"]), texts), max_size=3),
        items=st.lists(
            st.builds(
                DraftItem,
                texts,
                st.none() | numbers,
                numbers,
                st.dictionaries(st.sampled_from(["category", "no"]), st.tuples(texts), max_size=1),
            ),
            max_size=3,
        ),
        properties=st.dictionaries(
            st.sampled_from([*{name for it in BANK.events.values() for name in it.properties}, "no"]),
            st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | texts,
            max_size=3,
        ),
    )
)
def test_any_event_becomes_the_same_both_ways(draft: EventDraft) -> None:
    check_same(BANK, draft)
