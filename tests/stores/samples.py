"""Customers' state of every kind, fixed for golden files and drawn by hypothesis."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from nextbest_models.online import StreamEvent
from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Consent, Contact, Event, Purchase, Ticket
from nextbest_service.customers.portion import Reservation, Seen
from nextbest_service.store.fact_codec import Facts

NOW_MS = 1_772_420_400_000
DECISION, OTHER_DECISION = "019cb0d8b180f0e1d2c3b4a596877869", "019cb0d8b1800123456789abcdef0123"

FACTS = Facts(
    {
        "campaigns": ["13", "18"],
        "income": 10_000_000,
        "score": 0.25,
        "vip": True,
        "name": "Đặng",
        "since": datetime(2017, 10, 30, 9, tzinfo=UTC),
        "moved": None,
    },
    {"income": NOW_MS, "vip": NOW_MS - DAY_MS - 1, "moved": 0},
)
RECORDS: dict[str, tuple[Any, ...]] = {
    "consents": (
        Consent(True, NOW_MS - 30 * DAY_MS, "email", "marketing", NOW_MS + 300 * DAY_MS),
        Consent(False, NOW_MS, purpose="service"),
    ),
    "tickets": (
        Ticket("T1", "complaint", "high", ("espresso-machine",), ("kitchen", "coffee"), NOW_MS - DAY_MS),
        Ticket("T2", opened_at_ms=NOW_MS - DAY_MS, closed_at_ms=NOW_MS, updated_at_ms=NOW_MS),
    ),
    "purchases": (
        Purchase("fridge-x1", "fridges", "store", NOW_MS - 3_600_000),
        Purchase("gold-card", ended_at_ms=NOW_MS - 1),
    ),
    "events": (
        Event("mention.posted", "service", "high", "social", ("gold-card",), (), NOW_MS - DAY_MS, NOW_MS),
        Event("Đặng"),
    ),
    "contacts": (
        Contact("gold-card", "REJECTED", NOW_MS, "web", "nb", "OFFER", "cross_sell", "cards", DECISION),
        Contact("gold-card", "DISPLAYED", NOW_MS - 5, "web", "nb", "OFFER", "cross_sell", "cards", DECISION),
        Contact("tip", "DISPLAYED", NOW_MS - DAY_MS, decision="by-hand"),
        Contact("tip", "DISPLAYED", NOW_MS - 2 * DAY_MS),
    ),
    "reservations": (
        Reservation("loan", OTHER_DECISION, NOW_MS, NOW_MS + 900_000, "web", "nb", "OFFER", "sell", "loans"),
        Reservation("tip", DECISION, NOW_MS - 1, NOW_MS + 899_999),
    ),
}
SEEN = (
    Seen(b"12345", 0, NOW_MS // DAY_MS * DAY_MS - 400 * DAY_MS),
    Seen(b"\x00\xff\x00\xff\x00", 255, NOW_MS // DAY_MS * DAY_MS),
    Seen(
        b"54321",
        7,
        NOW_MS // DAY_MS * DAY_MS,
        (
            StreamEvent("trips", NOW_MS - 1, {"lines": 2.0, "spend": 7.25}, {"type": ((3, 1.0), (9, 2.5))}),
            StreamEvent("clicks", NOW_MS, {}, {}),
        ),
    ),
)

TEXT = st.text(max_size=5)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
TIME = st.integers(0, 2 * NOW_MS) | st.integers(0, 2 * NOW_MS // 1000).map(lambda seconds: seconds * 1000)
TIME_IF_ANY = st.none() | TIME
DAY = st.integers(0, 40_000).map(lambda days: days * DAY_MS)
DECISIONS = st.binary(min_size=16, max_size=16).map(bytes.hex) | TEXT
NUMBER = st.floats(allow_nan=False, allow_infinity=False)

RECORD: dict[str, st.SearchStrategy[Any]] = {
    "consents": st.builds(Consent, st.booleans(), TIME, TEXT, TEXT, TIME_IF_ANY),
    "tickets": st.builds(Ticket, TEXT, TEXT, TEXT, TEXTS, TEXTS, TIME_IF_ANY, TIME_IF_ANY, TIME_IF_ANY),
    "purchases": st.builds(Purchase, TEXT, TEXT, TEXT, TIME_IF_ANY, TIME_IF_ANY),
    "events": st.builds(Event, TEXT, TEXT, TEXT, TEXT, TEXTS, TEXTS, TIME_IF_ANY, TIME_IF_ANY),
    "contacts": st.builds(Contact, TEXT, TEXT, TIME, TEXT, TEXT, TEXT, TEXT, TEXT, DECISIONS),
    "reservations": st.builds(Reservation, TEXT, DECISIONS, TIME, TIME, TEXT, TEXT, TEXT, TEXT, TEXT),
}
FACT_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | NUMBER
    | TEXT
    | st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
FACT_SETS = st.builds(
    Facts, st.dictionaries(TEXT, FACT_VALUE, max_size=5), st.dictionaries(TEXT, TIME, max_size=5)
)
TOUCHES = st.lists(st.tuples(st.integers(0, 1_000_000), NUMBER), max_size=3).map(tuple)
STREAM_EVENT = st.builds(
    StreamEvent,
    TEXT,
    TIME,
    st.dictionaries(TEXT, NUMBER, max_size=2),
    st.dictionaries(TEXT, TOUCHES, max_size=2),
)
SEEN_ITEM = st.builds(
    Seen,
    st.binary(min_size=5, max_size=5),
    st.integers(0, 255),
    DAY,
    st.lists(STREAM_EVENT, max_size=2).map(tuple),
)
