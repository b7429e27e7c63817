"""Caps count a history in columns as they count its records, one by one."""

from collections.abc import Sequence
from random import Random

import pytest
from worlds import DAY, HOUR, NOW, World

from nextbest_rules import RuleSet, Situation
from nextbest_rules.contacts import Columns, Contacts
from nextbest_rules.policies import Cap
from nextbest_rules.records import OUTCOMES, RESERVED, Contact
from nextbest_rules.stages.caps import compiled_caps

POLICIES = """
contact_policy:
  caps:
    - {id: all, window: 3d, max: 4, reason: R.}
    - {id: each, per: [action], window: 7d, max: 2, reason: R.}
    - {id: both, per: [group, type], window: 9d, max: 3, outcomes: [CLICKED, DISPLAYED], reason: R.}
    - {id: mailed, per: [channel, brand], channels: [email, sms], window: 9d, max: 2, reason: R.}
    - {id: seen, applies_to: {types: [OFFER]}, counts: {groups: [cards, loans]}, window: 9d, max: 2,
       outcomes: [DISPLAYED], reason: R.}
  """


def history(rules: RuleSet, random: Random) -> tuple[Contact, ...]:
    """Return contacts with actions of the catalog and forgotten ones, some with a decision of their own."""

    def contact() -> Contact:
        action, outcome = (
            random.choice(rules.catalog.actions),
            random.choice([*sorted(OUTCOMES)[:4], RESERVED]),
        )
        outcome = random.choice([outcome, "DISPLAYED", "DELIVERED"])
        id_ = random.choice([action.id, "forgotten"])
        own = action.type.value, action.issue, action.group, random.choice(["", "d1", "d2", "d3", "d4"])
        at_ms = NOW - random.randint(0, 10) * DAY + random.choice([0, HOUR])
        channel = random.choice(["web", "email", "sms"])
        return Contact(id_, outcome, at_ms, channel, random.choice(["", "b"]), *own)

    found = [contact() for _ in range(random.randint(0, 16))]
    return tuple(sorted(found, key=lambda one: -one.at_ms))


def in_columns(records: Sequence[Contact]) -> Contacts:
    rows = [(one.action, one.outcome, *one[3:8]) for one in records]
    texts, different = [*{text for row in rows for text in row}], [*dict.fromkeys(rows)]
    names = [*dict.fromkeys(one.decision for one in records)]
    return Contacts(
        Columns(
            texts,
            bytes(texts.index(text) for row in different for text in row),
            [different.index(row) for row in rows],
            [one.at_ms for one in records],
            b"",
            names,
            [names.index(one.decision) for one in records],
        )
    )


def counted(cap: Cap, rules: RuleSet, situation: Situation) -> dict[tuple[str, ...], int]:
    """Return, per key, how many propositions count: the plain way."""
    compiled = next(it for it in compiled_caps(rules.catalog) if it.cap == cap)
    found: dict[tuple[str, ...], int] = {}
    seen = set()
    for one in situation.contacts or ():
        known = rules.catalog.index.get(one.action)
        counts = cap.counts.groups is None or one.group in cap.counts.groups
        counts = counts if known is None else bool(compiled.counts >> known & 1)
        recent = one.at_ms > situation.now_ms - cap.window_ms and one.outcome in compiled.outcomes
        here = cap.channels is None or one.channel in cap.channels
        here &= not (one.outcome == RESERVED and one.channel in compiled.unreserved)
        here &= not compiled.per_channel or one.channel == situation.channel
        here &= not compiled.per_brand or one.brand == situation.brand
        proposition = one.decision and (one.decision, one.action)
        if counts and recent and here and proposition not in seen:
            seen |= {proposition} if proposition else set()
            key = tuple(getattr(one, name) for name in compiled.dimensions)
            found[key] = found.get(key, 0) + 1
    return found


@pytest.fixture(scope="module")
def rules(world: World) -> RuleSet:
    return world(policies=POLICIES)


@pytest.mark.parametrize("seed", range(400))
def test_columns_records_and_reservations_that_joined_them_count_alike(rules: RuleSet, seed: int) -> None:
    random = Random(seed)
    records = history(rules, random)
    late = [one for one in records if random.random() < 0.3]
    stored = [one for one in records if one not in late]
    joined = in_columns(stored).joined(late)
    for compiled in compiled_caps(rules.catalog):
        for contacts in (Contacts.of(records), in_columns(records), joined):
            situation = Situation(NOW, channel=random.choice(["email", "web"]), contacts=tuple(contacts))
            found = compiled.counting(contacts, situation)
            expected = counted(compiled.cap, rules, situation)
            assert {key: len(places) for key, places in found.items()} == expected
            spent = [key for key, count in expected.items() if count >= compiled.cap.max]
            mask = sum(compiled.by_key.get(key, 0) for key in spent)
            assert compiled.spent(contacts, situation) == mask
            assert all(
                contacts[place] == records[place] for places in found.values() for place in places
            ) or (contacts is joined)
