"""Segments: who is in which, and what rules and explanations make of it."""

from collections.abc import Callable

import pytest

from nextbest_rules import Catalog, RuleSet, Situation
from nextbest_rules.records import Event

DAY = 86_400_000
NOW = 1_710_496_800_000
SEGMENTS = """
segments:
  - {id: newcomer, group: stage, when: features.trips_91d >= 0.0}
  - {id: regular, group: stage, when: features.trips_91d >= 5.0, description: Comes often.}
  - {id: indebted, when: facts.debt > 100.0}
  - {id: champion, group: stage, when: "features.trips_91d >= 20.0 && !segments.indebted"}
  - {id: of_age, group: age, when: facts.age >= 18}
  - {id: lately, when: "events.exists(e, e.type == 'visit' && now - e.at < duration('24h'))"}
"""
Compile = Callable[..., RuleSet]


@pytest.fixture
def compiled(shop_with: Callable[..., Catalog]) -> Compile:
    return lambda segments=SEGMENTS, **files: RuleSet.compile(shop_with(segments=segments, **files))


def customer(trips: float = 0.0, events: tuple[Event, ...] | None = (), **facts: object) -> Situation:
    return Situation(
        NOW, known=True, channel="web", facts=facts, features={"trips_91d": trips}, events=events
    )


@pytest.mark.parametrize(
    ("situation", "members"),
    [
        (customer(), {"newcomer"}),
        (customer(5.0), {"regular"}),
        (customer(20.0, debt=0.0), {"champion"}),
        (customer(20.0, debt=101.0), {"regular", "indebted"}),
        (customer(age=18), {"newcomer", "of_age"}),
        (customer(events=(Event("visit", at_ms=NOW - DAY + 1),)), {"newcomer", "lately"}),
        (customer(events=(Event("visit", at_ms=NOW - DAY),)), {"newcomer"}),
        (customer(events=None), {"newcomer"}),
        (Situation(NOW, facts=None), {"newcomer"}),
    ],
)
def test_a_customer_is_in_what_holds_and_of_a_set_in_the_last_only(
    compiled: Compile, situation: Situation, members: set[str]
) -> None:
    rules = compiled()
    assert rules.memberships(situation) == members
    assert rules.memberships(rules.look(situation)) == members


def test_what_cannot_be_decided_does_not_hold_and_leaves_the_others(compiled: Compile) -> None:
    """Whether the customer is a champion is unknown, for the debt is. Regular is what is left."""
    assert compiled().memberships(customer(20.0)) == {"regular"}


def test_rules_ask_for_segments_and_explain_what_they_mean(compiled: Compile) -> None:
    rules = compiled(
        eligibility="  - {id: regulars, applies_to: {types: [OFFER]}, require: segments.regular, reason: R.}"
    )

    def stopped(situation: Situation) -> dict[str, str]:
        found = rules.explain(rules.look(situation))
        return {item.action_id: item.required for item in found if item.rule_id == "regulars"}

    newcomer = stopped(customer())
    assert "app-bread" in newcomer
    assert set(newcomer.values()) == {"segments.regular (segments.regular: features.trips_91d >= 5.0)"}
    assert not stopped(customer(5.0))
    assert not stopped(customer(20.0, debt=101.0))
    assert stopped(customer(20.0, debt=0.0)).keys() == newcomer.keys()
    assert stopped(customer(20.0)).keys() == newcomer.keys(), "a rule that cannot tell denies"


def test_decisions_do_not_load_what_only_segments_read(compiled: Compile) -> None:
    unread = compiled()
    assert "events" not in unread.reads
    used = compiled(eligibility="  - {id: a, require: segments.lately, reason: R.}")
    assert "events" in used.reads


def test_the_rules_change_their_version_with_the_segments(compiled: Compile) -> None:
    one, other = compiled(), compiled(SEGMENTS.replace("20.0", "21.0"))
    assert one.version != other.version


def test_a_catalog_without_segments_has_no_members(rules: RuleSet) -> None:
    assert rules.memberships(customer(50.0)) == frozenset()
