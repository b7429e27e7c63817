"""What every field of the format becomes: the catalog `every_field` uses each one at least once."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import get_args

import pytest

from nextbest_rules import ActionType, Catalog, Direction, ValueType, load_catalog
from nextbest_rules.catalog import (
    Arm,
    Emphasis,
    EventType,
    Experiment,
    Experimentation,
    Formula,
    Holdout,
    Lever,
    Memory,
    NamedCondition,
    Namespace,
    Segment,
    Shadow,
    Subject,
    Treatment,
    Window,
)
from nextbest_rules.dates import instant_ms
from nextbest_rules.event_types import BUILT_IN
from nextbest_rules.loading.documents import fields
from nextbest_rules.policies import (
    Cap,
    ConditionRule,
    ConsentRule,
    ContextWeight,
    Dimension,
    DoNotContact,
    ExclusiveRule,
    Guard,
    GuardScope,
    OwnedRule,
    ProductKey,
    Promotion,
    QuietHours,
    Selector,
)
from nextbest_rules.records import Outcome
from nextbest_rules.terms import Stage, UnknownMode

CATALOGS = Path(__file__).parents[2] / "catalogs"
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
OFFERS = Selector(types=frozenset({"OFFER"}))
ROOMS = Selector(groups=frozenset({"rooms"}))
EVERY_ACTION = Selector()
BOTH = frozenset(Direction)
OUTBOUND = frozenset({Direction.OUTBOUND})


@pytest.fixture(scope="module")
def hotel() -> Catalog:
    return load_catalog(CATALOGS / "every_field")


def test_the_head_names_purposes_locales_brands_and_goals(hotel: Catalog) -> None:
    assert hotel.purposes == ("marketing", "service")
    assert hotel.locales == ("en", "vi", "pt-BR")
    assert hotel.brands == {
        "grand": Emphasis("grand", "Grand", (Lever(OFFERS, 0.5), Lever(EVERY_ACTION, 2.0))),
        "budget": Emphasis("budget", "Budget", ()),
    }
    assert hotel.default_brand == "budget"
    retention = Selector(issues=frozenset({"retention"}))
    assert hotel.goals == {"loyalty": Emphasis("loyalty", "Guests who come back", (Lever(retention, 3.0),))}
    assert hotel.default_goal == "loyalty"


def test_a_catalog_without_the_new_parts_has_none_of_them(shop: Catalog) -> None:
    assert (shop.purposes, shop.locales, shop.conditions) == ((), (), ())
    assert (shop.brands, shop.default_brand, shop.goals, shop.default_goal) == ({}, "", {}, "")
    apples = shop.actions[0]
    assert (apples.tags, apples.brands, apples.treatments, apples.rules) == (frozenset(), None, (), ())
    assert (apples.sells, apples.about) == (Subject(), Subject())
    assert (apples.valid_for_ms, apples.volume_cap) == (None, None)
    assert (shop.namespaces, shop.segments, shop.memory) == ((), (), Memory())
    assert shop.experimentation == Experimentation()
    assert shop.placements["home"].hold_ms is None


def test_facts_and_features_declare_unit_age_and_fail_mode(hotel: Catalog) -> None:
    facts = hotel.facts.declarations
    assert (facts["age"].unit, facts["age"].max_age_ms, facts["age"].fail_closed) == ("years", None, True)
    assert (facts["nights"].max_age_ms, facts["nights"].fail_closed) == (36 * HOUR, False)
    assert (facts["hardship"].max_age_ms, facts["hardship"].fail_closed) == (30 * DAY, True)
    assert hotel.context.declarations["weather"].unit == "words"
    stays, spend, stars = hotel.features
    assert (stays.unit, stays.max_age_ms, stays.fail_closed) == ("stays", 2 * DAY, False)
    assert (spend.max_age_ms, spend.fail_closed) == (7 * DAY, True)
    assert (stars.max_age_ms, stars.fail_closed) == (None, True)


def test_a_placement_may_leave_the_choice_of_channel(hotel: Catalog) -> None:
    home, next_contact = hotel.placements["home"], hotel.placements["next_contact"]
    assert (home.channels, home.channel_weights, home.fallback) == (("web",), {}, "welcome")
    assert next_contact.channels == ("email", "sms", "app", "web")
    assert next_contact.channel_weights == {
        "email": Formula("facts.email_opens"),
        "sms": Formula("0.5"),
        "app": Formula("0.25"),
        "web": Formula("1"),
    }
    assert next_contact.best_hour == Formula("facts.best_hour")
    assert next_contact.time_zone == Formula("facts.time_zone")
    assert next_contact.fallback is None


def test_a_new_type_of_event_is_recorded_and_says_what_it_changes(hotel: Catalog) -> None:
    ended = hotel.events["stay.ended"]
    assert (ended.recorded, ended.ends, ended.internal, ended.answers) == (True, "stay.begun", False, False)
    assert ended.properties == {
        "nights": ValueType.INT,
        "room": ValueType.STRING,
        "paid": ValueType.DOUBLE,
        "members": ValueType.BOOL,
    }
    assert ended.sets == {"nights": "properties.nights", "income": "amount", "time_zone": "properties.room"}
    assert ended.clears == {"best_hour"}
    assert hotel.events["stay.begun"] == EventType("stay.begun", "", {}, recorded=True)
    assert set(hotel.events) == {"stay.ended", "stay.begun", *BUILT_IN}


def test_a_stream_says_what_is_in_it_and_what_counts(hotel: Catalog) -> None:
    (stays,) = hotel.streams
    assert (stays.name, stays.events) == ("stays", {"stay.ended", "order.placed"})
    assert stays.outcomes == {Outcome.CONVERTED}
    assert stays.where == {
        "channel": {"web", "desk"},
        "brand": {"grand"},
        "subject": {"night"},
        "properties.room": {"suite"},
    }
    assert stays.values == {
        "paid": "properties.paid",
        "spend": "items.amount",
        "members": "properties.members",
        "worth": "amount",
        "room": "properties.room",
        "place": "channel",
    }


def test_segments_namespaces_and_memory_are_read(hotel: Catalog) -> None:
    guest, regular, trouble = hotel.segments
    assert guest == Segment("guest", "facts.nights > 0", "loyalty", "Was here.")
    assert (regular.group, trouble.group) == ("loyalty", "")
    assert hotel.namespaces == (
        Namespace("guest_no", one_per_person=True),
        Namespace("email", fold_case=True),
        Namespace("cookie", anonymous=True),
    )
    assert hotel.memory == Memory(
        hold_ms=10 * MINUTE,
        late_outcomes_ms=45 * DAY,
        late_events_ms=30 * DAY,
        settle_ms=DAY,
        keep={"tickets": 90 * DAY, "purchases": 730 * DAY, "events": 60 * DAY, "contacts": 180 * DAY},
    )
    assert hotel.placements["home"].hold_ms == 20 * MINUTE


def test_holdouts_experiments_and_shadows_are_read(hotel: Catalog) -> None:
    tried = hotel.experimentation
    year, spring = (
        Window(instant_ms("2026-01-01T00:00:00Z"), instant_ms("2027-01-01T00:00:00Z")),
        (
            instant_ms("2026-03-01T00:00:00Z"),
            instant_ms("2026-05-01T00:00:00Z"),
        ),
    )
    reason = "Sees no rooms, so that we learn what showing them brings."
    always = Window(None, None)
    assert tried.holdouts == (
        Holdout("no_rooms", ROOMS, 0.05, reason, year, "first half"),
        Holdout("nothing_at_all", EVERY_ACTION, 0.01, "Left alone for comparison.", always),
    )
    rankers = (Arm("control", 0.5), Arm("new_model", 0.25, "challenger"), Arm("no_model", 0.25, "static"))
    question = "Does the new model sell more rooms?"
    welcome = Selector(actions=frozenset({"welcome"}))
    louder = Arm("louder", 0.1, "", (Lever(ROOMS, 2.0), Lever(EVERY_ACTION, 0.5)), welcome)
    assert tried.experiments == (
        Experiment("ranker", rankers, Window(*spring), question, "spring"),
        Experiment("louder_rooms", (Arm("as_ever", 0.1), louder), always),
    )
    assert tried.shadows == (Shadow("challenger", 0.2), Shadow("older", 1.0))
    assert tried.rankers == {"challenger", "static", "older"}


def test_a_short_memory_settles_in_as_little_time(shop_with: Callable[..., Catalog]) -> None:
    head = "name: s\ntitle: S\nchannels: [web, app, email]\naction_attributes:\n"
    types = {"campaign": "string", "min_age": "int", "discount": "double", "fresh": "bool"}
    head += "".join(f"  - {{name: {name}, type: {kind}}}\n" for name, kind in types.items())
    assert shop_with(catalog=f"{head}memory: {{late_events: 1d}}").memory.settle_ms == DAY


def test_what_every_catalog_knows_may_be_told_more_of_and_keeps_its_meaning(
    shop_with: Callable[..., Catalog],
) -> None:
    catalog = shop_with(
        events="""
events:
  - {type: ticket.opened, properties: {desk: string}, sets: {city: properties.desk}}
  - {type: mention.resolved, description: Settled by us.}
  - {type: cart.abandoned, recorded: false}
  - {type: page.viewed, recorded: true}
  - {type: question.answered, clears: [age]}
streams: [{name: trips, events: [order.placed], values: {spend: items.amount}}]
"""
    )
    opened = catalog.events["ticket.opened"]
    assert set(opened.properties) == {"severity", "kind", "reason", "desk"}
    assert (opened.recorded, opened.sets) == (False, {"city": "properties.desk"})
    assert opened.description == BUILT_IN["ticket.opened"].description
    resolved = catalog.events["mention.resolved"]
    assert (resolved.ends, resolved.description) == ("mention.posted", "Settled by us.")
    assert not catalog.events["cart.abandoned"].recorded
    assert catalog.events["page.viewed"].recorded
    assert catalog.events["question.answered"].answers
    assert [name for name, item in catalog.events.items() if item.internal] == [
        "segment.entered",
        "segment.left",
        "segment.passed",
    ]


def test_named_conditions_keep_their_order_and_lose_outer_blanks(hotel: Catalog) -> None:
    assert hotel.conditions == (
        NamedCondition("adult", "facts.age >= 18", "Old enough."),
        NamedCondition("adult_regular", "conditions.adult\n&& facts.nights > 3", ""),
    )


def test_an_action_has_formulas_windows_and_subjects(hotel: Catalog) -> None:
    suite, single = hotel.actions[0], hotel.actions[1]
    assert suite.value == Formula("double(facts.nights) * 12.5")
    assert single.value == 3.0
    assert suite.tags == {"wine", "view"}
    assert suite.brands == {"grand"}
    assert suite.sells == Subject(frozenset({"suite-7"}), frozenset({"suites"}))
    assert suite.about == Subject(frozenset({"suite-7", "spa"}), frozenset({"suites", "wellness"}))
    assert (suite.valid_for_ms, suite.volume_cap, single.volume_cap) == (HOUR, 500, 0)
    assert suite.valid == (
        Window(None, 1_769_990_400_000),  # until the end of 2026-02-01
        Window(1_772_298_000_000, 1_777_593_600_000),
        Window(1_796_083_200_000, 1_798_156_800_000),
    )


def test_treatments_have_content_and_parameters(hotel: Catalog) -> None:
    assert hotel.actions[0].treatments == (
        Treatment(
            id="suite-web",
            channels=frozenset({"web"}),
            locales=("en",),
            content={"headline": "Look out to sea"},
            parameters={
                "limit": Formula("2.0 * facts.income"),
                "stars": Formula("5"),
                "late": Formula("true"),
                "rate": Formula("0.5"),
                "code": Formula('"SEA"'),
            },
            valid_for_ms=15 * MINUTE,
        ),
        Treatment("suite-other", None, None, None, {}, None),
    )


def test_an_actions_own_conditions_become_rules_that_apply_to_it_alone(hotel: Catalog) -> None:
    only = Selector(actions=frozenset({"suite"}))
    default = "The action's own condition does not hold."
    sequence = 'conditions.adult && count("suite", "", "DISPLAYED", duration("24h")) < 3'
    deny = UnknownMode.DENY
    assert hotel.actions[0].rules == (
        ConditionRule("suite.eligibility.1", Stage.ELIGIBILITY, only, "facts.age >= 21", default, deny),
        ConditionRule(
            "not_in_hardship", Stage.ELIGIBILITY, only, "!facts.hardship", "Not now.", UnknownMode.ALLOW
        ),
        ConditionRule("suite.applicability.1", Stage.APPLICABILITY, only, sequence, default, deny),
        ConditionRule("suite.suitability.1", Stage.SUITABILITY, only, "facts.nights > 0", default, deny),
    )


def test_consent_is_for_outbound_on_every_channel_unless_said(hotel: Catalog) -> None:
    spared = Selector(tags=frozenset({"essential"}))
    not_the_welcome = Selector(
        but_not=Selector(
            types=frozenset({"INFORMATION"}),
            issues=frozenset({"retention"}),
            groups=frozenset({"tips"}),
            actions=frozenset({"welcome"}),
            attributes={"stars": frozenset({5})},
        )
    )
    assert hotel.policies.consent == (
        ConsentRule(
            id="marketing_consent",
            applies_to=Selector(types=frozenset({"OFFER"}), but_not=spared),
            purpose="marketing",
            directions=BOTH,
            channels=frozenset({"email", "sms"}),
            max_age_ms=730 * DAY,
            reason="No consent to marketing.",
        ),
        ConsentRule(
            "service_consent", not_the_welcome, "service", OUTBOUND, None, None, "No consent to service."
        ),
    )


def test_a_wish_to_be_left_alone_is_read(hotel: Catalog) -> None:
    retention = Selector(issues=frozenset({"retention"}))
    assert hotel.policies.do_not_contact == (
        DoNotContact("left_alone", retention, "facts.no_contact", BOTH, "Left alone.", UnknownMode.ALLOW),
    )


def test_guards_hold_decay_and_promote(hotel: Catalog) -> None:
    ticket, hardship = hotel.policies.guards
    assert ticket == Guard(
        id="open_ticket",
        over="tickets",
        when='ticket.open && ticket.severity != "low"',
        hold=ROOMS,
        scope=GuardScope.PRODUCT,
        ended="ticket.closed_at",
        decay_ms=14 * DAY,
        promote=(
            Promotion(Selector(types=frozenset({"INFORMATION"})), lever=5.0),
            Promotion(Selector(actions=frozenset({"welcome"})), pin=True),
        ),
        reason="A ticket is open.",
        when_unknown=UnknownMode.ALLOW,
    )
    assert (hardship.over, hardship.hold, hardship.scope) == ("", EVERY_ACTION, GuardScope.OVERALL)
    assert (hardship.ended, hardship.decay_ms, hardship.promote) == (None, 0, ())
    assert hardship.when_unknown is UnknownMode.DENY


def test_the_tiers_of_conditions_follow_each_other(hotel: Catalog) -> None:
    adults, regulars, affordable = hotel.policies.conditions
    assert (adults.id, adults.stage, adults.when_unknown) == ("adults", Stage.ELIGIBILITY, UnknownMode.ALLOW)
    assert (regulars.id, regulars.stage) == ("regulars", Stage.APPLICABILITY)
    assert regulars.applies_to.attributes == {"stars": {5}, "price": {100.0, 120.5}}
    assert (affordable.id, affordable.stage) == ("affordable", Stage.SUITABILITY)


def test_what_is_owned_stays_out_and_what_was_bought_for_a_time(hotel: Catalog) -> None:
    retention = Selector(issues=frozenset({"retention"}))
    assert hotel.policies.owned == (
        OwnedRule("has_club", retention, ProductKey.PRODUCT, None, "Is a member.", UnknownMode.ALLOW),
        OwnedRule("just_stayed", ROOMS, ProductKey.CATEGORY, 7 * DAY, "Was just here.", UnknownMode.DENY),
    )


def test_a_refusal_is_a_cap_of_one_over_what_it_is_taken_to_mean(hotel: Catalog) -> None:
    declined, everything = hotel.policies.caps[:2]
    assert declined == Cap(
        id="declined",
        applies_to=OFFERS,
        counts=OFFERS,
        per=frozenset({Dimension.GROUP}),
        outcomes=frozenset({Outcome.REJECTED, Outcome.DISMISSED}),
        channels=None,
        directions=BOTH,
        window_ms=180 * DAY,
        max=1,
        reason="Said no.",
        when_unknown=UnknownMode.ALLOW,
    )
    assert (everything.per, everything.outcomes) == (frozenset(), {Outcome.REJECTED})
    assert (everything.counts, everything.window_ms, everything.max) == (EVERY_ACTION, 365 * DAY, 1)


def test_caps_count_what_was_delivered_or_displayed_unless_said(hotel: Catalog) -> None:
    weekly, pause, never = hotel.policies.caps[2:]
    assert weekly == Cap(
        id="weekly",
        applies_to=OFFERS,
        counts=Selector(types=frozenset({"OFFER", "INFORMATION"})),
        per=frozenset({Dimension.CHANNEL, Dimension.BRAND}),
        outcomes=frozenset({Outcome.DELIVERED, Outcome.CLICKED}),
        channels=frozenset({"email", "sms"}),
        directions=OUTBOUND,
        window_ms=7 * DAY,
        max=3,
        reason="Three a week.",
        when_unknown=UnknownMode.ALLOW,
    )
    assert (pause.window_ms, pause.max, pause.counts) == (36 * HOUR, 1, EVERY_ACTION)
    assert (pause.per, pause.directions, pause.channels) == (frozenset(), BOTH, None)
    assert pause.outcomes == {Outcome.DELIVERED, Outcome.DISPLAYED}
    assert (never.max, never.channels) == (0, {"sms"})


def test_quiet_hours_are_minutes_of_the_day(hotel: Catalog) -> None:
    night, whole_day = hotel.policies.quiet_hours
    assert night == QuietHours(
        id="night",
        applies_to=OFFERS,
        channels=frozenset({"sms"}),
        directions=BOTH,
        from_minute=21 * 60 + 30,
        until_minute=8 * 60,
        days=frozenset({1, 7}),
        time_zone="facts.time_zone",
        default_zone="Asia/Ho_Chi_Minh",
        reason="The guest sleeps.",
        when_unknown=UnknownMode.ALLOW,
    )
    assert (whole_day.from_minute, whole_day.until_minute, whole_day.days) == (0, 0, {7})
    assert (whole_day.time_zone, whole_day.default_zone) == (None, "UTC")
    assert whole_day.directions == OUTBOUND


def test_mutual_exclusion_is_read(hotel: Catalog) -> None:
    assert hotel.policies.exclusive == (ExclusiveRule("one_room", ROOMS, "One room at a time."),)


def test_context_weights_are_read_with_numbers_and_formulas(hotel: Catalog) -> None:
    wine = Selector(tags=frozenset({"wine"}))
    assert hotel.policies.context_weights == (
        ContextWeight("rainy", wine, "facts.hardship", 1.5, "It rains."),
        ContextWeight("well_off", EVERY_ACTION, None, "facts.income > 9.0 ? 2.0 : 0.5", "Rooms suit."),
    )


def test_the_version_counts_named_conditions_but_not_suites(shop_directory: Path) -> None:
    before = load_catalog(shop_directory).version
    (shop_directory / "tests").mkdir()
    (shop_directory / "tests" / "suite.yaml").write_text("whatever: {is: written}\n")
    assert load_catalog(shop_directory).version == before
    (shop_directory / "conditions.yaml").write_text("conditions: []\n")
    assert load_catalog(shop_directory).version != before


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (fields.OutcomeName, Outcome),
        (fields.DimensionName, Dimension),
        (fields.ActionTypeName, ActionType),
        (fields.DirectionName, Direction),
        (fields.UnknownModeName, UnknownMode),
        (fields.ValueTypeName, ValueType),
    ],
)
def test_every_term_can_be_written(written: object, meant: type[StrEnum]) -> None:
    assert get_args(written) == tuple(term.value for term in meant)
