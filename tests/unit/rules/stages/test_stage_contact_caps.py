"""Caps, cool-downs and refusals over the contact history."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    NOW,
    OFFERS,
    World,
    customer,
    held,
    ids,
    lifted_at,
    reached,
    why,
)

from nextbest_rules import RuleSet, Situation, Stage
from nextbest_rules.bitmask import mask_where
from nextbest_rules.catalog import Catalog
from nextbest_rules.dates import iso
from nextbest_rules.policies import Cap, Dimension, Policies, Selector
from nextbest_rules.records import RESERVED, Contact, Outcome
from nextbest_rules.selection import selects, selects_contact
from nextbest_rules.terms import Direction, UnknownMode

OF_ACTION = {
    "card": ("OFFER", "cross_sell", "cards"),
    "loan": ("OFFER", "acquisition", "loans"),
    "fridge": ("OFFER", "cross_sell", "shop"),
    "beans": ("OFFER", "retention", "shop"),
    "status": ("SERVICE", "experience", "support"),
    "tip": ("INFORMATION", "education", "tips"),
}


def contact(action: str = "loan", ago: int = HOUR, **parts: str) -> Contact:
    """Return a contact as the history keeps it: with the type, issue and group that the action had."""
    kind, issue, group = OF_ACTION.get(action, ("", "", ""))
    known = {"channel": "email", "type": kind, "issue": issue, "group": group, **parts}
    return Contact(action, known.pop("outcome", "DELIVERED"), NOW - ago, **known)


def told(*contacts: Contact) -> Situation:
    return reached(contacts=tuple(sorted(contacts, key=lambda it: -it.at_ms)))


def cap(text: str) -> str:
    return f"contact_policy: {{caps: [{{id: c, reason: Enough., {text}}}]}}"


def test_at_most_so_many_contacts_fit_in_the_window(world: World) -> None:
    rules = world(policies=cap("applies_to: {types: [OFFER]}, window: 7d, max: 2"))
    assert held(rules, told(contact())) == set()
    twice = told(contact(ago=DAY), contact("beans", ago=6 * DAY))
    assert held(rules, twice) == OFFERS
    assert lifted_at(rules, twice, "card") == NOW + DAY
    found = why(rules, twice, "card")
    assert (found.stage, found.rule_id, found.reason) == (Stage.CONTACT_POLICY, "c", "Enough.")
    assert found.actual == f"2 DELIVERED or DISPLAYED, the latest at {iso(NOW - DAY)}"
    assert found.required == "fewer than 2 DELIVERED or DISPLAYED in 7d"


def test_a_window_rolls_to_the_millisecond(world: World) -> None:
    rules = world(policies=cap("applies_to: {groups: [loans]}, cool_down: 7d"))
    assert held(rules, told(contact(ago=7 * DAY - 1))) == {"loan"}
    assert held(rules, told(contact(ago=7 * DAY))) == set()
    assert lifted_at(rules, told(contact(ago=7 * DAY - 1)), "loan") == NOW + 1
    assert held(rules, told(contact(ago=0))) == {"loan"}


def test_of_more_contacts_than_allowed_the_oldest_that_matters_lifts(world: World) -> None:
    rules = world(policies=cap("applies_to: {groups: [loans]}, window: 7d, max: 2"))
    thrice = told(contact(ago=DAY), contact(ago=2 * DAY), contact(ago=3 * DAY))
    assert lifted_at(rules, thrice, "loan") == NOW + 5 * DAY


def test_zero_means_never(world: World) -> None:
    rules = world(policies=cap("applies_to: {groups: [loans]}, window: 1d, max: 0"))
    for situation in (told(), told(contact()), reached(contacts=None)):
        assert held(rules, situation) == {"loan"}
        found = why(rules, situation, "loan")
        assert (found.actual, found.required, found.eligible_at_ms) == ("", "never", None)


@pytest.mark.parametrize(
    ("per", "stopped"),
    [
        ("[]", EVERYTHING),
        ("[action]", {"fridge"}),
        ("[group]", {"fridge", "beans"}),
        ("[issue]", {"fridge", "card"}),
        ("[type]", OFFERS),
        ("[issue, group]", {"fridge"}),
        ("[type, issue]", {"fridge", "card"}),
        ("[type, group]", {"fridge", "beans"}),
        ("[action, group, issue, type, channel, brand]", {"fridge"}),
    ],
)
def test_contacts_count_apart_by_every_dimension(world: World, per: str, stopped: set[str]) -> None:
    rules = world(policies=cap(f"per: {per}, window: 7d, max: 1"))
    assert held(rules, told(contact("fridge"))) == stopped
    assert held(rules, told()) == set()


def test_several_dimensions_count_together(world: World) -> None:
    """Beans and a fridge share the group, fridge and card the issue; only their pairs count together."""
    rules = world(policies=cap("per: [issue, group], window: 7d, max: 2"))
    assert held(rules, told(contact("beans"), contact("fridge"), contact("card"))) == set()
    assert held(rules, told(contact("beans"), contact("beans", ago=DAY))) == {"beans"}


def test_channels_and_brands_of_the_request_count_apart(world: World) -> None:
    by_channel = world(policies=cap("per: [channel], window: 7d, max: 1"))
    assert held(by_channel, told(contact(channel="sms"))) == set()
    assert held(by_channel, told(contact(channel="sms"))._replace(channel="sms")) == EVERYTHING
    by_brand = world(policies=cap("per: [brand], window: 7d, max: 1"))
    assert held(by_brand, told(contact(brand="shop"))) == set()
    assert held(by_brand, told(contact(brand=""))) == EVERYTHING
    assert why(by_brand, told(contact()), "tip").required.endswith(" in 7d per brand")


def test_a_cap_of_some_channels_counts_and_limits_these_only(world: World) -> None:
    rules = world(policies=cap("channels: [sms, app], window: 7d, max: 2"))
    mixed = told(contact(channel="sms"), contact(channel="app"), contact(channel="email"))
    assert held(rules, mixed._replace(channel="sms")) == EVERYTHING
    assert held(rules, mixed) == set()
    assert held(rules, told(contact(), contact(channel="sms"))._replace(channel="sms")) == set()


def test_a_cap_holds_in_its_directions(world: World) -> None:
    rules = world(policies=cap("directions: [OUTBOUND], window: 7d, max: 1"))
    assert held(rules, told(contact())) == EVERYTHING
    assert held(rules, customer(contacts=told(contact()).contacts)) == set()
    both = world(policies=cap("window: 7d, max: 1"))
    assert held(both, customer(contacts=told(contact()).contacts)) == EVERYTHING


def test_only_the_named_outcomes_count(world: World) -> None:
    rules = world(policies=cap("outcomes: [CLICKED, OPENED], window: 7d, max: 1"))
    assert held(rules, told(contact(), contact(outcome="DISPLAYED"))) == set()
    assert held(rules, told(contact(outcome="OPENED"))) == EVERYTHING
    assert held(rules, told(contact(outcome="CLICKED"))) == EVERYTHING


def test_several_outcomes_of_one_proposition_are_one_contact(world: World) -> None:
    rules = world(policies=cap("per: [action], window: 7d, max: 2"))
    sent = contact("loan", ago=2 * HOUR, decision="d1")
    seen = contact("loan", ago=HOUR, outcome="DISPLAYED", decision="d1")
    assert held(rules, told(sent, seen)) == set()
    assert held(rules, told(sent, seen, contact("loan", decision="d2"))) == {"loan"}
    assert held(rules, told(sent, contact("card", decision="d1"))) == set()
    assert held(rules, told(contact(), contact())) == {"loan"}
    all_together = world(policies=cap("window: 7d, max: 2"))
    assert held(all_together, told(sent, seen)) == set()
    assert held(all_together, told(sent, contact("card", decision="d1"))) == EVERYTHING


def test_other_actions_may_be_counted_than_are_limited(world: World) -> None:
    rules = world(policies=cap("applies_to: {types: [OFFER]}, counts: {tags: [essential]}, cool_down: 1d"))
    assert held(rules, told(contact("loan"))) == set()
    assert held(rules, told(contact("status"))) == OFFERS
    per_type = world(policies=cap("applies_to: {types: [OFFER]}, counts: {}, per: [type], cool_down: 1d"))
    assert held(per_type, told(contact("status"))) == set()
    assert held(per_type, told(contact("loan"))) == OFFERS


def test_actions_that_left_the_catalog_still_count(world: World) -> None:
    gone = contact("gone", type="OFFER", issue="old", group="shop")
    assert held(world(policies=cap("window: 7d, max: 1")), told(gone)) == EVERYTHING
    by_group = world(policies=cap("applies_to: {types: [OFFER]}, per: [group], window: 7d, max: 1"))
    assert held(by_group, told(gone)) == {"fridge", "beans"}
    services = world(policies=cap("applies_to: {types: [SERVICE]}, window: 7d, max: 1"))
    assert held(services, told(gone)) == set()


def test_a_history_that_cannot_be_read_stops_all_that_the_cap_limits(world: World) -> None:
    text = "applies_to: {types: [OFFER]}, directions: [OUTBOUND], window: 7d, max: 5"
    rules, unreadable = world(policies=cap(text)), reached(contacts=None)
    assert held(rules, unreadable) == OFFERS
    assert why(rules, unreadable, "loan").actual == "the contact history cannot be read"
    assert why(rules, unreadable, "loan").eligible_at_ms is None
    assert held(rules, customer(contacts=None)) == set()
    assert held(world(policies=cap(text + ", when_unknown: allow")), unreadable) == set()


def test_what_was_proposed_counts_before_it_is_heard_of(world: World) -> None:
    rules = world(policies=cap("applies_to: {types: [OFFER]}, window: 7d, max: 2"))
    proposed = contact(outcome=RESERVED, ago=MINUTE, decision="d1")
    assert held(rules, told(proposed)) == set()
    twice = told(proposed, contact("beans", ago=DAY))
    assert held(rules, twice) == OFFERS
    actual = why(rules, twice, "card").actual
    assert actual == (
        "2 DELIVERED or DISPLAYED, 1 of them proposed and not heard of yet, "
        f"the latest at {iso(NOW - MINUTE)}"
    )
    assert lifted_at(rules, twice, "card") == NOW + 6 * DAY


def test_a_proposition_and_its_reservation_count_once(world: World) -> None:
    rules = world(policies=cap("window: 7d, max: 2"))
    proposed = contact(outcome=RESERVED, ago=HOUR, decision="d1")
    delivered = contact(ago=MINUTE, decision="d1")
    assert held(rules, told(proposed, delivered)) == set()
    assert held(rules, told(proposed, contact(ago=MINUTE, decision="d2"))) == EVERYTHING


@pytest.mark.parametrize(
    ("outcomes", "web", "email", "sms"),
    [
        ("[DISPLAYED]", True, False, True),
        ("[DELIVERED]", False, True, True),
        ("[DISPLAYED, DELIVERED]", True, True, True),
        ("[CLICKED]", False, False, False),
    ],
)
def test_a_reservation_counts_as_what_can_become_of_it_on_its_channel(
    world: World, outcomes: str, web: bool, email: bool, sms: bool
) -> None:
    """Visitors see the web, letters are sent by email, and what the text message does no placement says."""
    rules = world(policies=cap(f"applies_to: {{types: [OFFER]}}, outcomes: {outcomes}, window: 7d, max: 1"))
    everything = mask_where(rules.catalog.actions, lambda action: action.id in OFFERS)
    for channel, counts in {"web": web, "email": email, "sms": sms, "elsewhere": sms}.items():
        assert rules.reserving(channel) == (everything if counts else 0), channel
        seen = told(contact(outcome=RESERVED, channel=channel))
        assert held(rules, seen) == (OFFERS if counts else set()), channel


def test_what_a_cap_counts_must_be_reserved_where_it_counts_it(world: World) -> None:
    def reserving(text: str, channel: str = "email") -> set[str]:
        rules = world(policies=cap(text))
        mask = rules.reserving(channel)
        return {action.id for bit, action in enumerate(rules.catalog.actions) if mask >> bit & 1}

    assert reserving("applies_to: {groups: [loans]}, window: 7d, max: 1") == {"loan"}
    assert reserving("applies_to: {groups: [loans]}, window: 7d, max: 0") == set()
    counting = "applies_to: {types: [OFFER]}, counts: {tags: [essential]}, cool_down: 1d"
    assert reserving(counting) == {"status"}
    assert reserving("channels: [sms], window: 7d, max: 1", "sms") == EVERYTHING
    assert reserving("channels: [sms], window: 7d, max: 1", "web") == set()
    assert reserving("directions: [OUTBOUND], outcomes: [DISPLAYED], window: 7d, max: 1", "web") == EVERYTHING
    assert world().reserving("web") == 0


DECLINED = """
suppression:
  declined:
    - {{id: d, applies_to: {{types: [OFFER]}}, by: {by}, for: 180d, reason: Said no.{more}}}
"""


@pytest.mark.parametrize(
    ("by", "stopped"),
    [
        ("action", {"fridge"}),
        ("group", {"fridge", "beans"}),
        ("issue", {"fridge", "card"}),
        ("type", OFFERS),
        ("everywhere", OFFERS),
    ],
)
def test_a_refusal_stops_what_it_is_taken_to_mean(world: World, by: str, stopped: set[str]) -> None:
    rules = world(policies=DECLINED.format(by=by, more=""))
    refused = told(contact("fridge", ago=DAY, outcome="REJECTED", channel="web"))
    assert held(rules, refused) == stopped
    assert held(rules, refused._replace(direction=Direction.INBOUND, channel="app")) == stopped
    assert lifted_at(rules, refused, "fridge") == NOW + 179 * DAY
    assert held(rules, told(contact("fridge"))) == set()
    assert held(rules, told(contact("status", outcome="REJECTED"))) == set()


def test_other_outcomes_may_be_taken_for_a_refusal(world: World) -> None:
    rules = world(policies=DECLINED.format(by="action", more=", outcomes: [DISMISSED, UNSUBSCRIBED]"))
    assert held(rules, told(contact(outcome="REJECTED"))) == set()
    assert held(rules, told(contact(outcome="UNSUBSCRIBED"))) == {"loan"}


def reference(cap: Cap, catalog: Catalog, situation: Situation) -> set[str]:
    """Return what a cap stops, said as plainly as possible: for each action, count the contacts like it."""
    if situation.direction not in cap.directions:
        return set()
    if cap.channels is not None and situation.channel not in cap.channels:
        return set()
    limited = [action for action in catalog.actions if selects(cap.applies_to, action)]
    return {
        action.id
        for action in limited
        if cap.max == 0 or len(counted(cap, catalog, situation, action.id)) >= cap.max
    }


def counted(cap: Cap, catalog: Catalog, situation: Situation, action_id: str) -> set[object]:
    limited = catalog.actions[catalog.index[action_id]]
    like: Mapping[Dimension, str] = {
        Dimension.ACTION: limited.id,
        Dimension.GROUP: limited.group,
        Dimension.ISSUE: limited.issue,
        Dimension.TYPE: str(limited.type),
        Dimension.CHANNEL: situation.channel,
        Dimension.BRAND: situation.brand,
    }
    found: set[object] = set()
    for number, item in enumerate(situation.contacts or ()):
        known = catalog.index.get(item.action)
        chosen = (
            selects_contact(cap.counts, item)
            if known is None
            else selects(cap.counts, catalog.actions[known])
        )
        if (
            chosen
            and 0 <= situation.now_ms - item.at_ms < cap.window_ms
            and comes_out_as(item, catalog) & cap.outcomes
            and (cap.channels is None or item.channel in cap.channels)
            and all(getattr(item, dimension.value) == like[dimension] for dimension in cap.per)
        ):
            found.add((item.decision, item.action) if item.decision else number)
    return found


def comes_out_as(item: Contact, catalog: Catalog) -> set[str]:
    """Return what a contact is, or for a reservation all that may become of it where it was proposed."""
    if item.outcome != RESERVED:
        return {item.outcome}
    placements = [place for place in catalog.placements.values() if item.channel in place.channels]
    directions = {place.direction for place in placements} or set(Direction)
    return {"DISPLAYED" if direction is Direction.INBOUND else "DELIVERED" for direction in directions}


SELECTORS = st.sampled_from(
    [
        Selector(),
        Selector(types=frozenset({"OFFER"})),
        Selector(groups=frozenset({"shop", "tips"})),
        Selector(tags=frozenset({"credit"})),
        Selector(but_not=Selector(tags=frozenset({"essential"}))),
        Selector(types=frozenset({"OFFER"}), but_not=Selector(groups=frozenset({"shop"}))),
        Selector(actions=frozenset({"loan", "status"})),
    ]
)
CAPS = st.builds(
    Cap,
    id=st.just("c"),
    applies_to=SELECTORS,
    counts=SELECTORS,
    per=st.frozensets(st.sampled_from(list(Dimension)), max_size=3),
    outcomes=st.frozensets(
        st.sampled_from([Outcome.DELIVERED, Outcome.DISPLAYED, Outcome.REJECTED]), min_size=1
    ),
    channels=st.sampled_from([None, frozenset({"email"}), frozenset({"email", "sms"})]),
    directions=st.sampled_from([frozenset(Direction), frozenset({Direction.OUTBOUND})]),
    window_ms=st.sampled_from([MINUTE, HOUR, DAY]),
    max=st.integers(0, 3),
    reason=st.just("R."),
    when_unknown=st.sampled_from(list(UnknownMode)),
)
CONTACTS = st.builds(
    contact,
    action=st.sampled_from([*OF_ACTION, "gone"]),
    ago=st.one_of(
        st.sampled_from([0, 1, MINUTE - 1, MINUTE, HOUR - 1, HOUR, DAY - 1, DAY]), st.integers(0, 2 * DAY)
    ),
    outcome=st.sampled_from(["DELIVERED", "DISPLAYED", "REJECTED", "CLICKED", RESERVED, RESERVED]),
    channel=st.sampled_from(["email", "sms", "web"]),
    brand=st.sampled_from(["", "shop"]),
    decision=st.sampled_from(["", "", "d1", "d2"]),
)


@given(
    cap=CAPS,
    contacts=st.lists(CONTACTS, max_size=10),
    channel=st.sampled_from(["email", "sms", "web"]),
    brand=st.sampled_from(["", "shop"]),
    direction=st.sampled_from(list(Direction)),
)
def test_caps_agree_with_plain_counting(
    plain: RuleSet, cap: Cap, contacts: list[Contact], channel: str, brand: str, direction: Direction
) -> None:
    catalog = replace(plain.catalog, policies=Policies(caps=(cap,)))
    rules = RuleSet.compile(catalog)
    # The catalog has no brands of its own, so a brand of the request would stop everything beforehand.
    stage = next(stage for stage in rules._stages if type(stage).__name__ == "ContactCaps")
    situation = told(*contacts)._replace(channel=channel, brand=brand, direction=direction)
    live = stage.screen((1 << 6) - 1, rules.look(situation))
    stopped = {action.id for bit, action in enumerate(catalog.actions) if not live >> bit & 1}
    assert stopped == reference(cap, catalog, situation)
    for cause in stage.stops(rules.look(situation)):
        for bit, action in enumerate(catalog.actions):
            if cause.mask >> bit & 1:
                assert action.id in stopped
                eligible_at = cause.finding(action).eligible_at_ms
                if cap.max:
                    assert eligible_at is not None
                    for moment, stops in ((eligible_at - 1, True), (eligible_at, False)):
                        later = situation._replace(now_ms=moment)
                        assert (action.id in reference(cap, catalog, later)) is stops


@pytest.fixture(scope="module")
def plain(world: World) -> RuleSet:
    return world()


def test_all_that_is_stopped_is_explained(world: World) -> None:
    two = """
contact_policy:
  caps:
    - {id: first, applies_to: {groups: [shop]}, window: 1d, max: 1, reason: R.}
    - {id: second, applies_to: {types: [OFFER]}, window: 7d, max: 1, reason: R.}
"""
    rules = world(policies=two)
    assert ids(rules, told(contact("beans"))) == EVERYTHING - OFFERS
    assert why(rules, told(contact("beans")), "beans").rule_id == "first"
    assert why(rules, told(contact("beans")), "loan").rule_id == "second"
