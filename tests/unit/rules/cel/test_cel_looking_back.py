"""How far back expressions look at records: judged by their text."""

import math

import pytest
from cel_shop import checked

from nextbest_rules.cel import Mention, age_limit, reaches
from nextbest_rules.cel.kinds import RECORD_TYPES
from nextbest_rules.cel.nodes import Read

HOUR = 3_600_000.0
EVER = math.inf


def looks_back(source: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part, age in reaches(checked(source).tree):
        found[part] = max(age, found.get(part, 0.0))
    return found


@pytest.mark.parametrize(
    ("source", "age"),
    [
        ("events.exists(e, now - e.at < duration('2h'))", 2 * HOUR),
        ("events.exists(e, now - e.at <= duration('2h'))", 2 * HOUR),
        ("events.exists(e, duration('2h') > now - e.at)", 2 * HOUR),
        ("events.exists(e, e.at > now - duration('2h'))", 2 * HOUR),
        ("events.exists(e, now - duration('2h') <= e.at)", 2 * HOUR),
        ("events.exists(e, !(now - e.at >= duration('2h')))", 2 * HOUR),
        ("!events.exists(e, e.type == 'a' && now - e.at < duration('2h'))", 2 * HOUR),
        ("events.exists(e, now - e.at < duration('2h') && now - e.at < duration('1h'))", HOUR),
        ("events.exists(e, now - e.at < duration('2h') || now - e.at < duration('3h'))", 3 * HOUR),
        ("events.exists(e, now - e.at < duration('2h') || e.type == 'a')", EVER),
        ("events.exists(e, facts.vip ? now - e.at < duration('2h') : now - e.at < duration('1h'))", 2 * HOUR),
        ("events.exists(e, facts.vip ? now - e.at < duration('2h') : true)", EVER),
        ("events.exists_one(e, now - e.at < duration('2h'))", 2 * HOUR),
        ("events.all(e, now - e.at >= duration('2h') || e.type == 'a')", 2 * HOUR),
        ("events.all(e, now - e.at < duration('2h'))", EVER),
        ("size(events.filter(e, now - e.at < duration('2h'))) > 1", 2 * HOUR),
        ("events.filter(e, now - e.at < duration('2h')).exists(e, e.type == 'a')", 2 * HOUR),
        ("size(events.map(e, now - e.at < duration('2h'), e.type)) > 1", 2 * HOUR),
        ("size(events.map(e, e.type)) > 1", EVER),
        ("size(events) > 1", EVER),
        ("events.exists(e, now - e.at >= duration('2h'))", EVER),
        ("events.exists(e, facts.since - e.at < duration('2h'))", EVER),
        ("events.exists(e, now - facts.since < duration('2h'))", EVER),
        ("events.exists(e, now - e.ended_at < duration('2h'))", EVER),
        ("events.exists(e, has(e.ended_at) && now - e.ended_at < duration('2h'))", 2 * HOUR),
        ("events.exists(e, has(e.ended_at) || now - e.ended_at < duration('2h'))", EVER),
        ("events.exists(e, !has(e.ended_at))", EVER),
        ("events.exists(e, false)", 0.0),
        (
            "events.exists(e, events.exists(f, now - f.at < duration('2h')) && now - e.at < duration('1h'))",
            2 * HOUR,
        ),
        ("events.exists(e, now - e.at < duration('1500ms'))", 1500.0),
        ("events.exists(e, now - e.at < duration('1us'))", 1.0),
        ("events.exists(e, now - e.at < duration('-1h'))", 0.0),
    ],
)
def test_events_matter_as_long_as_age_lets_them(source: str, age: float) -> None:
    assert looks_back(source) == {"events": age}


@pytest.mark.parametrize(
    ("source", "age"),
    [
        ("tickets.exists(t, t.open)", 0.0),
        ("tickets.exists(t, !has(t.closed_at))", 0.0),
        ("tickets.exists(t, !t.open)", EVER),
        ("tickets.all(t, !t.open || t.kind == 'a')", 0.0),
        ("tickets.all(t, has(t.closed_at))", 0.0),
        ("tickets.exists(t, now - t.closed_at < duration('2h'))", 2 * HOUR),
        ("tickets.exists(t, now - t.opened_at < duration('2h'))", 2 * HOUR),
        ("tickets.exists(t, t.kind == 'a')", EVER),
    ],
)
def test_an_open_ticket_has_no_age(source: str, age: float) -> None:
    assert looks_back(source) == {"tickets": age}


@pytest.mark.parametrize(
    ("source", "age"),
    [
        ("count('', '', '') > 0", EVER),
        ("count('a', 'web', '', duration('2h')) > 0", 2 * HOUR),
        ("count('a', '', '', duration('2h')) + count('b', '', '', duration('3h')) > 0", 3 * HOUR),
        ("count('a', '', '', duration(facts.town)) > 0", EVER),
        ("last('a', '', '') > now - duration('2h')", EVER),
        ("contacts.exists(c, c.at > now - duration('2h') && c.outcome == 'CLICKED')", 2 * HOUR),
    ],
)
def test_the_contact_history_is_counted_for_ever_or_within_a_time(source: str, age: float) -> None:
    assert looks_back(source) == {"contacts": age}


def test_what_must_be_younger_than_something_young_is_young_itself() -> None:
    source = """
        events.exists(e, now - e.at < duration('2h') && !purchases.exists(p, p.at >= e.at)
          && purchases.exists(p, e.at < p.at && contacts.exists(c, c.at >= p.at)))
    """
    assert looks_back(source) == {"events": 2 * HOUR, "purchases": 2 * HOUR, "contacts": 2 * HOUR}
    assert looks_back("events.exists(e, purchases.exists(p, p.at >= e.at))") == {
        "events": EVER,
        "purchases": EVER,
    }
    assert looks_back(
        "events.exists(e, now - e.at < duration('2h') && purchases.exists(p, p.at < e.at))"
    ) == {
        "events": 2 * HOUR,
        "purchases": EVER,
    }


def test_what_reads_no_records_looks_back_at_none() -> None:
    assert looks_back("facts.age > 1 && now - facts.since < duration('2h')") == {}


def test_the_record_of_a_guard_has_an_age_too() -> None:
    cause = checked("event.type == 'a' && now - event.at < duration('2h')", element="event")
    record = Read(Mention("event"), RECORD_TYPES["event"])
    assert age_limit(cause.tree, record, "events") == 2 * HOUR
    assert age_limit(cause.tree, Read(Mention("ticket"), RECORD_TYPES["ticket"]), "events") == EVER
