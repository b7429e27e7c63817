"""What caps leave for the propositions of one answer."""

import pytest
from worlds import HOUR, NOW, World, customer, reached

from nextbest_rules import Room, RuleSet, Situation
from nextbest_rules.records import Contact

EVERY = (1 << 6) - 1
TEN = 10


def cap(text: str) -> str:
    return f"contact_policy: {{caps: [{{id: c, reason: Enough., window: 7d, {text}}}]}}"


def heard(rules: RuleSet, *actions: str, channel: str = "email", outcome: str = "DELIVERED") -> Situation:
    """Return a customer who is about to get an e-mail and heard of some actions an hour ago."""
    own = {action.id: action for action in rules.catalog.actions}
    return reached(
        contacts=tuple(
            Contact(
                name,
                outcome,
                NOW - HOUR,
                channel,
                type=own[name].type.value,
                issue=own[name].issue,
                group=own[name].group,
            )
            for name in actions
        )
    )


def rooms(rules: RuleSet, *ways: Situation | tuple[Situation, int], most: int = TEN) -> tuple[Room, ...]:
    """Return the rooms where on every way all actions are at hand, or those of a mask."""
    asked = [(way, EVERY) if isinstance(way, Situation) else way for way in ways]
    return rules.rooms([(rules.look(situation), mask) for situation, mask in asked], most)


def mask(rules: RuleSet, *actions: str) -> int:
    return sum(1 << rules.catalog.index[name] for name in actions)


def closed(rules: RuleSet, room: Room, *chosen: str) -> set[str]:
    """Return what the last of the chosen actions shuts out."""
    found = room.closed_by(rules.catalog.index[chosen[-1]], mask(rules, *chosen))
    return {action.id for bit, action in enumerate(rules.catalog.actions) if found >> bit & 1}


def test_the_last_contact_that_is_left_shuts_out_all_others(world: World) -> None:
    rules = world(policies=cap("applies_to: {types: [OFFER]}, max: 3"))
    (room,) = rooms(rules, heard(rules, "loan"))
    assert closed(rules, room, "card") == set()
    assert closed(rules, room, "card", "beans") == {"loan", "fridge"}
    assert closed(rules, room, "card", "tip") == set()
    assert closed(rules, room, "card", "beans", "tip") == set()  # it changed nothing


def test_keys_have_room_of_their_own(world: World) -> None:
    rules = world(policies=cap("applies_to: {types: [OFFER]}, per: [issue], max: 1"))
    (room,) = rooms(rules, heard(rules))
    assert closed(rules, room, "card") == {"fridge"}
    assert closed(rules, room, "loan") == set()
    assert closed(rules, room, "card", "loan") == set()
    two = world(policies=cap("applies_to: {types: [OFFER]}, per: [issue], max: 2"))
    (room,) = rooms(two, heard(two))
    assert closed(two, room, "loan", "beans", "card") == set()


def test_an_action_is_one_contact_however_often_it_is_chosen(world: World) -> None:
    rules = world(policies=cap("max: 2"))
    (room,) = rooms(rules, heard(rules))
    assert closed(rules, room, "card") == set()
    assert closed(rules, room, "tip", "card") == {"loan", "fridge", "beans", "status"}


def test_what_only_counts_is_never_shut_out(world: World) -> None:
    rules = world(policies=cap("applies_to: {types: [OFFER]}, counts: {types: [SERVICE]}, max: 1"))
    (room,) = rooms(rules, heard(rules))
    assert closed(rules, room, "card") == set()
    assert closed(rules, room, "status") == {"card", "loan", "fridge", "beans"}
    assert closed(rules, room, "card", "status") == {"loan", "fridge", "beans"}


@pytest.mark.parametrize(
    ("text", "situation", "most"),
    [
        ("max: 3", customer(), 3),  # the answer cannot hold more
        ("max: 1", customer(), 1),
        ("max: 0", customer(), TEN),  # nothing of it is live
        ("per: [action], max: 1", customer(), TEN),
        ("max: 1, applies_to: {actions: [tip]}", customer(), TEN),
        ("max: 1, directions: [OUTBOUND]", customer(), TEN),
        ("max: 1, channels: [email]", customer(), TEN),
        ("max: 1, outcomes: [DELIVERED]", customer(), TEN),  # a look at the page is none
        ("max: 1, outcomes: [CLICKED]", customer(), TEN),  # a proposition is none yet
        ("max: 1, per: [type], applies_to: {groups: [tips]}, counts: {types: [OFFER]}", customer(), TEN),
    ],
)
def test_a_cap_that_cannot_matter_makes_no_room(
    world: World, text: str, situation: Situation, most: int
) -> None:
    rules = world(policies=cap(text))
    assert rooms(rules, situation, most=most) == ()


def test_there_is_a_room_as_soon_as_the_answer_may_hold_more_than_is_left(world: World) -> None:
    rules = world(policies=cap("max: 3"))
    assert rooms(rules, heard(rules), most=3) == ()
    assert len(rooms(rules, heard(rules), most=4)) == 1
    assert len(rooms(rules, heard(rules, "tip"), most=3)) == 1
    assert rooms(rules, heard(rules, "tip"), most=2) == ()
    assert rooms(rules, heard(rules, "tip", outcome="CLICKED"), most=3) == ()


def test_only_what_is_at_hand_takes_part(world: World) -> None:
    rules = world(policies=cap("max: 1"))
    (room,) = rooms(rules, (heard(rules), mask(rules, "card", "tip")))
    assert closed(rules, room, "card") == {"tip"}
    assert rooms(rules, (heard(rules), mask(rules, "card"))) == ()
    assert rooms(rules) == ()


def test_channels_share_what_counts_together_and_not_what_counts_apart(world: World) -> None:
    ways = [(reached(), 0b000111), (reached("sms"), 0b111000)]
    together = world(policies=cap("max: 1"))
    (room,) = rooms(together, *ways)
    assert closed(together, room, "card") == {"loan", "fridge", "beans", "status", "tip"}
    apart = world(policies=cap("per: [channel], max: 1"))
    by_mail, by_text = rooms(apart, *ways)
    assert closed(apart, by_mail, "card") == {"loan", "fridge"}
    assert closed(apart, by_text, "card") == set()
    assert closed(apart, by_text, "tip") == {"beans", "status"}
    some = world(policies=cap("channels: [sms], max: 1"))
    (room,) = rooms(some, *ways)
    assert closed(some, room, "card") == set()
    assert closed(some, room, "tip") == {"beans", "status"}
    two = world(policies=cap("channels: [sms], max: 2"))
    (room,) = rooms(two, *ways)
    assert closed(two, room, "card", "tip") == set()
    assert closed(two, room, "card", "beans", "tip") == {"status"}


def test_an_answer_alone_holds_no_more_than_the_cap_where_the_history_cannot_be_read(world: World) -> None:
    rules = world(policies=cap("max: 1, when_unknown: allow"))
    (room,) = rooms(rules, heard(rules)._replace(contacts=None))
    assert closed(rules, room, "card") == {"loan", "fridge", "beans", "status", "tip"}


def test_it_is_said_who_had_no_room_and_why(world: World) -> None:
    rules = world(policies=cap("applies_to: {types: [OFFER]}, outcomes: [DELIVERED], max: 3"))
    (room,) = rooms(rules, heard(rules, "loan"))
    loan, tip = rules.catalog.index["loan"], rules.catalog.index["tip"]
    assert room.finding(loan, mask(rules, "card")) is None
    assert room.finding(tip, mask(rules, "card", "beans")) is None
    finding = room.finding(loan, mask(rules, "card", "beans", "tip"))
    assert finding is not None
    assert (finding.rule_id, finding.reason, finding.eligible_at_ms) == ("c", "Enough.", None)
    assert finding.actual == "1 DELIVERED, and this answer uses up what is left with 2 more"
    assert finding.required == "fewer than 3 DELIVERED in 7d"
