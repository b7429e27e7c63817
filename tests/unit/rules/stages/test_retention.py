"""How long records are kept: what is forgotten then makes no difference to any rule."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from worlds import DAY, HOUR, NOW, World, customer

from nextbest_rules import RuleSet, Situation
from nextbest_rules.catalog import Memory
from nextbest_rules.records import Contact, Event, Purchase, Ticket
from nextbest_rules.terms import Direction

PARTS = ("tickets", "purchases", "events", "contacts")
POLICIES = """
guards:
  - id: fault
    over: tickets
    when: ticket.kind == "fault"
    hold: {groups: [loans]}
    ended: ticket.closed_at
    decay: 3d
    reason: R.
  - id: anger
    over: events
    when: event.type == "anger" && now - event.at < duration("96h")
    hold: {groups: [cards]}
    ended: event.ended_at
    decay: 1d
    reason: R.
  - id: storm
    when: events.exists(e, e.type == "storm" && e.at > now - duration("24h"))
    hold: {groups: [tips]}
    reason: R.
applicability:
  - id: after_anger
    applies_to: {groups: [support]}
    require: >-
      events.all(e, now - e.at > duration("48h") || e.type != "anger" || purchases.exists(p, p.at > e.at))
    reason: R.
suppression:
  bought: [{id: bought, applies_to: {groups: [shop]}, by: product, for: 5d, reason: R.}]
  declined: [{id: declined, applies_to: {groups: [tips]}, by: action, for: 6d, reason: R.}]
contact_policy:
  caps:
    - {id: never, applies_to: {groups: [cards]}, channels: [sms], window: 30d, max: 0, reason: R.}
    - {id: often, applies_to: {groups: [cards, tips]}, window: 2d, max: 2, reason: R.}
"""
SEGMENTS = """
segments:
  - {id: buyer, when: 'purchases.exists(p, p.product == "beans" && now - p.at < duration("168h"))'}
"""
KEPT = {"tickets": 3 * DAY, "purchases": 7 * DAY, "events": 4 * DAY, "contacts": 6 * DAY}


@pytest.fixture(scope="module")
def rules(world: World) -> RuleSet:
    return world(policies=POLICIES, segments=SEGMENTS)


def test_records_are_kept_as_long_as_the_longest_look_back(rules: RuleSet) -> None:
    assert rules.retention() == KEPT


def guard(over: str, rest: str, when: str = "true") -> str:
    return f"guards: [{{id: a, over: {over}, when: '{when}', hold: {{}}, reason: R., {rest}}}]"


DECAYING = "ended: event.ended_at, decay: 1d"


@pytest.mark.parametrize(
    ("policies", "kept"),
    [
        ("{}", {}),
        ("suppression: {owned: [{id: a, by: product, reason: R.}]}", {"purchases": None}),
        (guard("events", "scope: overall"), {"events": None}),
        (guard("events", DECAYING), {"events": None}),
        (guard("events", DECAYING, 'now - event.at < duration("2h")'), {"events": 2 * HOUR}),
        (guard("tickets", "ended: ticket.closed_at, decay: 1d"), {"tickets": DAY}),
        (guard("tickets", "ended: ticket.opened_at, decay: 1d"), {"tickets": None}),
        (guard("tickets", "scope: overall", "ticket.open"), {"tickets": 0}),
        (guard("purchases", "scope: product", 'now - purchase.at < duration("2h")'), {"purchases": 2 * HOUR}),
        (
            guard("purchases", "scope: product", 'count("", "", "", duration("1h")) > 3'),
            {"purchases": None, "contacts": HOUR},
        ),
        ('eligibility: [{id: a, require: \'count("loan", "", "") == 0\', reason: R.}]', {"contacts": None}),
        (
            'do_not_contact: [{id: a, when: \'count("", "", "", duration("1h")) > 3\', reason: R.}]',
            {"contacts": HOUR},
        ),
    ],
)
def test_what_has_no_end_is_kept_for_ever_and_what_nobody_reads_not_at_all(
    world: World, policies: str, kept: Mapping[str, int | None]
) -> None:
    assert world(policies=policies).retention() == dict.fromkeys(PARTS, 0) | kept


def test_formulas_of_actions_and_placements_look_back_too(world: World) -> None:
    placements = """
placements:
  - id: home
    title: Home page
    channels: {web: 'count("", "web", "", duration("2h")) > 0 ? 1.0 : 0.5'}
    direction: INBOUND
    default_limit: 3
"""
    assert world(placements=placements).retention()["contacts"] == 2 * HOUR


def test_a_named_condition_counts_where_it_is_used(world: World) -> None:
    conditions = "conditions: [{name: busy, when: 'size(events) > 3'}]"
    assert world(conditions=conditions).retention()["events"] == 0
    used = "eligibility: [{id: a, require: '!conditions.busy', reason: R.}]"
    assert world(conditions=conditions, policies=used).retention()["events"] is None


def test_the_memory_that_a_catalog_declares_goes_before(rules: RuleSet) -> None:
    catalog = replace(rules.catalog, memory=Memory(keep={"events": DAY, "purchases": 9 * DAY}))
    assert RuleSet.compile(catalog).retention() == {**KEPT, "events": DAY, "purchases": 9 * DAY}


# --- forgetting


def anybody(seed: int) -> Situation:
    """Return a customer with records of all ages."""
    random = Random(seed)

    def some_time() -> int:
        days = random.randint(0, 10)
        return NOW - random.choice([days * DAY + random.choice([-1, 0, 1]), random.randint(0, 10 * DAY)])

    def times() -> tuple[int, int | None]:
        """Return when something began and when it ended, if it did."""
        first, last = sorted((some_time(), some_time()))
        return first, last if random.random() < 0.5 else None

    def ticket() -> Ticket:
        return Ticket("T", random.choice(["fault", "question"]), "", (), (), *times())

    def purchase() -> Purchase:
        return Purchase(random.choice(["beans", "fridge-300"]), "", "", *times())

    def event() -> Event:
        began_ms, ended_ms = times()
        return Event(random.choice(["anger", "storm", "visit"]), at_ms=began_ms, ended_at_ms=ended_ms)

    def contact() -> Contact:
        action, group = random.choice([("tip", "tips"), ("card", "cards"), ("loan", "loans")])
        outcome = random.choice(["DELIVERED", "REJECTED", "RESERVED"])
        return Contact(action, outcome, some_time(), "email", "", "OFFER", "", group)

    most = random.choice([1, 2, 4])
    contacts = sorted((contact() for _ in range(most)), key=lambda it: -it.at_ms)
    return customer(
        tickets=tuple(ticket() for _ in range(random.randint(0, most))),
        purchases=tuple(purchase() for _ in range(random.randint(0, most))),
        events=tuple(event() for _ in range(random.randint(0, most))),
        contacts=tuple(contacts),
        direction=random.choice(list(Direction)),
        channel=random.choice(["web", "sms"]),
    )


def without_older(situation: Situation, kept: Mapping[str, float]) -> Situation:
    """Return what is left once everything that is older than `kept` has been forgotten."""

    def young(last_ms: int | None, part: str) -> bool:
        return last_ms is None or NOW - last_ms <= kept[part]

    return situation._replace(
        tickets=tuple(item for item in situation.tickets or () if young(item.closed_at_ms, "tickets")),
        purchases=tuple(
            item for item in situation.purchases or () if young(item.ended_at_ms or item.at_ms, "purchases")
        ),
        events=tuple(
            item for item in situation.events or () if young(item.ended_at_ms or item.at_ms, "events")
        ),
        contacts=tuple(item for item in situation.contacts or () if young(item.at_ms, "contacts")),
    )


def answers(rules: RuleSet, situation: Situation) -> tuple[int, frozenset[str]]:
    return rules.screen(rules.look(situation)).live, rules.memberships(situation)


def test_forgetting_what_is_older_changes_no_answer(rules: RuleSet) -> None:
    for seed in range(2_000):
        situation = anybody(seed)
        assert answers(rules, without_older(situation, KEPT)) == answers(rules, situation), seed


@pytest.mark.parametrize("part", PARTS)
def test_to_forget_any_sooner_would(rules: RuleSet, part: str) -> None:
    sooner = {**KEPT, part: KEPT[part] - HOUR}
    everybody = map(anybody, range(5_000))
    assert any(answers(rules, without_older(it, sooner)) != answers(rules, it) for it in everybody)
