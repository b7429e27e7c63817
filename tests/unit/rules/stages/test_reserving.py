"""Which actions are reserved because a condition asks for what is on its way."""

import pytest
from worlds import EVERYTHING, World

WHEN = {
    'count("loan", "", "RESERVED") == 0': {"loan"},
    'count("loan", "sms", "RESERVED", duration("1h")) == 0': {"loan"},
    'count("loan", "", "RESERVED") + count("card", "", "DELIVERED") == 0': {"loan"},
    'count("", "", "RESERVED") == 0': EVERYTHING,
    'count(facts.city, "", "RESERVED") == 0': EVERYTHING,
    'last("tip", "", "RESERVED") < now': {"tip"},
    'contacts.exists(c, c.action == "card" && c.outcome in ["DELIVERED", "RESERVED"])': {"card"},
    'contacts.exists(c, "card" == c.action && c.outcome == "RESERVED")': {"card"},
    'contacts.exists(c, c.action in ["card", "tip"] && c.outcome == "RESERVED")': {"card", "tip"},
    'contacts.exists(c, c.action in ["card", facts.city] && c.outcome == "RESERVED")': EVERYTHING,
    'size(contacts.filter(c, c.outcome == "RESERVED" && c.action == "card")) > 1': {"card"},
    'contacts.exists(c, c.outcome == "RESERVED")': EVERYTHING,
    'contacts.exists(c, c.action == "card" || c.outcome == "RESERVED")': EVERYTHING,
    'facts.city == "RESERVED"': EVERYTHING,
    'count("loan", "", "DELIVERED") == 0': set(),
    'contacts.exists(c, c.action == "card")': set(),
}


@pytest.mark.parametrize("when", WHEN)
def test_what_a_condition_asks_for_is_reserved_everywhere(world: World, when: str) -> None:
    rules = world(policies=f"eligibility: [{{id: a, reason: R., require: '{when}'}}]")
    for channel in ("web", "email", "elsewhere"):
        mask = rules.reserving(channel)
        assert {action.id for bit, action in enumerate(rules.catalog.actions) if mask >> bit & 1} == WHEN[
            when
        ]


@pytest.mark.parametrize(
    "policies",
    [
        "guards: [{id: a, when: 'conditions.on_its_way', hold: {}, reason: R.}]",
        "guards: [{id: a, over: events, when: 'conditions.on_its_way', hold: {}, reason: R.}]",
        "do_not_contact: [{id: a, when: 'conditions.on_its_way', reason: R.}]",
    ],
)
def test_it_may_be_asked_for_by_name_and_from_anywhere(world: World, policies: str) -> None:
    conditions = 'conditions: [{name: on_its_way, when: \'count("loan", "", "RESERVED") > 0\'}]'
    assert world(conditions=conditions).reserving("web") == 0
    rules = world(conditions=conditions, policies=policies)
    assert rules.reserving("web") == 1 << rules.catalog.index["loan"]
