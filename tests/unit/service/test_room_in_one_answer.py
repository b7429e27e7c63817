"""Caps hold within one answer: replayed one contact after the other, no proposition comes too often."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_rules import Situation, Stage, load_catalog
from nextbest_rules.policies import Cap, Dimension, Policies, Selector
from nextbest_rules.records import RESERVED, Contact, Outcome
from nextbest_rules.terms import Direction, UnknownMode
from nextbest_service.decisions.decision import Decision, PlacementDecision
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import offline_generation
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found

CROWDED = Path(__file__).parents[2] / "catalogs" / "crowded"
NOW_MS = 1_710_496_800_000  # the catalog's clock, 2024-03-15T10:00:00Z
HOUR_MS = 3_600_000
ANSWER = "a" * 32
SEEN = frozenset({Outcome.DISPLAYED})


@cache
def crowded(caps: tuple[Cap, ...] | None = None) -> Generation:
    """Return a shop that has a lot to say, with its own caps or others."""
    catalog = load_catalog(CROWDED)
    return offline_generation(catalog if caps is None else replace(catalog, policies=Policies(caps=caps)))


def decided(
    generation: Generation,
    *placements: tuple[str, int],
    channel: str = "web",
    contacts: Sequence[Contact] | None = (),
    allow_duplicates: bool = False,
) -> Decision:
    """Return the decision for a customer of whom nothing but contacts is known; placements have limits."""
    request = DecisionRequest(
        request_id="",
        identities=(),
        placements=tuple(
            PlacementRequest(generation.catalog.placements[name], limit, excluded=0)
            for name, limit in placements
        ),
        channel=channel,
        brand="",
        goal="",
        locale="",
        context={},
        candidates=(1 << len(generation.catalog.actions)) - 1,
        explain=ExplainLevel.EXCLUSIONS,
        include_content=False,
        allow_duplicates=allow_duplicates,
    )
    online = generation.online
    customer = Customer(
        known=True,
        features=online.features(online.empty, NOW_MS),
        features_as_of={},
        facts={},
        contacts=None if contacts is None else tuple(contacts),
    )
    watch = Stopwatch()
    watch.lap()
    return deliberate(generation, request, Reading(customer, {}, {}, Found(()), NOW_MS), {}, ANSWER, watch)


def offered(decision: Decision) -> list[list[str]]:
    return [[it.action.id for it in placement.propositions] for placement in decision.placements]


def whys(decision: Decision) -> dict[str, tuple[Stage, str]]:
    """Return stage and rule by action, of those that all placements left out for the same reason."""
    return {
        it.exclusion.action_id: (it.exclusion.stage, it.exclusion.rule_id)
        for it in decision.exclusions
        if not it.placement_id
    }


def contact(action: str, channel: str = "email", **parts: str) -> Contact:
    """Return a contact of an hour ago."""
    known = crowded().catalog.actions[crowded().catalog.index[action]]
    kind = {"type": known.type.value, "issue": known.issue, "group": known.group}
    outcome = parts.pop("outcome", "DELIVERED")
    return Contact(action, outcome, NOW_MS - HOUR_MS, channel, **{**kind, **parts})


def test_an_answer_holds_no_more_than_what_is_left() -> None:
    for heard, expected in [(0, ["bread", "soap", "alarm"]), (2, ["bread", "alarm", "recipe"])]:
        contacts = [contact("brush", decision=str(number)) for number in range(heard)]
        assert offered(decided(crowded(), ("letter", 3), channel="email", contacts=contacts)) == [expected]


def test_what_is_left_is_shared_by_all_placements() -> None:
    decision = decided(crowded(), ("home", 10), ("corner", 10))
    assert offered(decision) == [["bread", "apples", "soap", "brush", "alarm", "recipe", "joke"], []]
    assert whys(decision) == {"hint": (Stage.CONTACT_POLICY, "one_tip_a_day")}
    one = crowded((cap(outcomes=SEEN),))
    assert offered(decided(one, ("home", 1), ("corner", 1))) == [["bread"], []]


def test_what_some_placements_do_not_take_is_limited_in_the_others() -> None:
    two = crowded((cap(outcomes=SEEN, max=2),))
    assert offered(decided(two, ("home", 10), ("corner", 10))) == [["bread", "apples"], []]


def test_actions_of_other_channels_take_no_room() -> None:
    two = crowded((cap(max=2),))
    assert offered(decided(two, ("letter", 10), channel="email")) == [["bread", "soap"]]


def test_what_was_left_out_says_which_cap_and_how_much_of_it_is_used() -> None:
    contacts = [contact("brush", decision="1"), contact("brush", decision="2")]
    decision = decided(crowded(), ("letter", 10), channel="email", contacts=contacts)
    (soap,) = [it.exclusion for it in decision.exclusions if it.exclusion.action_id == "soap"]
    assert (soap.stage, soap.rule_id, soap.reason) == (
        Stage.CONTACT_POLICY,
        "three_a_week",
        "Three are enough.",
    )
    assert soap.actual == "2 DELIVERED, and this answer uses up what is left with 1 more"
    assert soap.required == "fewer than 3 DELIVERED in 7d"
    assert soap.eligible_at_ms is None


def test_what_the_placement_had_no_place_for_was_outranked() -> None:
    but_service = Selector(types=frozenset({"OFFER", "INFORMATION"}))
    two = crowded((cap(applies_to=but_service, counts=but_service, outcomes=SEEN, max=2),))
    decision = decided(two, ("home", 3))
    assert offered(decision) == [["bread", "apples", "alarm"]]
    assert whys(decision)["soap"] == (Stage.CONTACT_POLICY, "c")  # its turn came before the alarm's
    assert whys(decision)["recipe"] == (Stage.ARBITRATION, "")


def test_what_had_no_room_was_not_outranked_by_a_fallback() -> None:
    either = Selector(actions=frozenset({"alarm", "joke", "recipe"}))
    one = crowded((cap(applies_to=either, counts=either, outcomes=SEEN),))
    decision = decided(one, ("home", 5), ("corner", 1))
    assert offered(decision) == [["bread", "apples", "soap", "brush", "alarm"], ["hint"]]
    reasons = {
        (it.placement_id, it.exclusion.stage)
        for it in decision.exclusions
        if it.exclusion.action_id == "joke"
    }
    assert reasons == {("home", Stage.ARBITRATION), ("corner", Stage.CONTACT_POLICY)}


def test_channels_of_one_answer_share_what_counts_together() -> None:
    contacts = [contact("brush", decision="1")]
    decision = decided(crowded(), ("anywhere", 10), channel="", contacts=contacts)
    sent = {it.action.id: it.channel for it in decision.placements[0].propositions}
    assert sent == {
        "bread": "email",
        "apples": "sms",
        "alarm": "email",
        "recipe": "email",
        "hint": "email",
        "joke": "email",
    }


def test_a_fallback_needs_room_too() -> None:
    decision = decided(crowded(), ("home", 10), ("corner", 2))
    assert offered(decision)[1] == []
    assert whys(decision) == {"hint": (Stage.CONTACT_POLICY, "one_tip_a_day")}
    corner_first = decided(crowded(), ("corner", 10), ("home", 10))
    assert offered(corner_first) == [["alarm", "recipe", "joke"], ["bread", "apples", "soap", "brush"]]
    assert {(it.placement_id, it.exclusion.rule_id) for it in corner_first.exclusions} == {
        ("corner", "fallback"),
        ("home", "one_tip_a_day"),
    }


def test_an_action_in_two_placements_takes_one_place() -> None:
    two = crowded((cap(outcomes=SEEN, max=2),))
    decision = decided(two, ("corner", 10), ("home", 10), allow_duplicates=True)
    assert offered(decision) == [["alarm", "recipe"], ["alarm", "recipe"]]


def cap(**parts: object) -> Cap:
    """Return a cap of one delivery a day for everything together, or with some parts given."""
    plain: dict[str, object] = {
        "id": "c",
        "applies_to": Selector(),
        "counts": Selector(),
        "per": frozenset(),
        "outcomes": frozenset({Outcome.DELIVERED}),
        "channels": None,
        "directions": frozenset(Direction),
        "window_ms": 24 * HOUR_MS,
        "max": 1,
        "reason": "R.",
        "when_unknown": UnknownMode.DENY,
    }
    return Cap(**{**plain, **parts})  # type: ignore[arg-type]


SELECTORS = st.sampled_from(
    [
        Selector(),
        Selector(types=frozenset({"OFFER"})),
        Selector(groups=frozenset({"food", "home"})),
        Selector(issues=frozenset({"help"})),
        Selector(actions=frozenset({"soap", "alarm", "hint"})),
    ]
)


@st.composite
def caps(draw: st.DrawFn) -> tuple[Cap, ...]:
    """A few caps; most of them count what they limit."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        limited = draw(SELECTORS)
        found.append(
            cap(
                id=f"c{number}",
                applies_to=limited,
                counts=draw(st.one_of(st.just(limited), SELECTORS)),
                per=draw(st.frozensets(st.sampled_from(list(Dimension)), max_size=2)),
                outcomes=draw(
                    st.frozensets(
                        st.sampled_from([Outcome.DELIVERED, Outcome.DISPLAYED, Outcome.CLICKED]), min_size=1
                    )
                ),
                channels=draw(st.sampled_from([None, None, frozenset({"email"}), frozenset({"sms", "web"})])),
                directions=draw(st.sampled_from([frozenset(Direction), frozenset({Direction.OUTBOUND})])),
                max=draw(st.integers(0, 4)),
                when_unknown=draw(st.sampled_from(list(UnknownMode))),
            )
        )
    return tuple(found)


CONTACTS = st.lists(
    st.builds(
        contact,
        action=st.sampled_from(["bread", "apples", "soap", "alarm", "recipe", "hint"]),
        channel=st.sampled_from(["web", "email", "sms"]),
        outcome=st.sampled_from(["DELIVERED", "DISPLAYED", "CLICKED", RESERVED]),
        decision=st.sampled_from(["", "d1", "d2"]),
    ),
    max_size=6,
)
LIMITS = st.integers(1, 7)
QUESTIONS = st.one_of(
    st.tuples(
        st.just("web"), st.tuples(st.tuples(st.just("home"), LIMITS), st.tuples(st.just("corner"), LIMITS))
    ),
    st.tuples(st.just("email"), st.tuples(st.tuples(st.just("letter"), LIMITS))),
    st.tuples(st.just(""), st.tuples(st.tuples(st.just("anywhere"), LIMITS))),
)


@settings(deadline=None)
@given(caps=caps(), contacts=CONTACTS, question=QUESTIONS, allow_duplicates=st.booleans())
def test_no_proposition_comes_too_often_and_none_is_left_out_for_nothing(
    caps: tuple[Cap, ...],
    contacts: list[Contact],
    question: tuple[str, tuple[tuple[str, int], ...]],
    allow_duplicates: bool,
) -> None:
    channel, placements = question
    generation = offline_generation(replace(crowded().catalog, policies=Policies(caps=caps)))
    decision = decided(
        generation, *placements, channel=channel, contacts=contacts, allow_duplicates=allow_duplicates
    )
    said: dict[str, Contact] = {}
    for placement in decision.placements:
        for it in placement.propositions:
            if it.action.id not in said:
                history = (*said.values(), *contacts)
                assert it.action.id in live(generation, decision, it.channel, history)
                said[it.action.id] = reserved(it.action.id, it.channel)
    for placement in decision.placements:
        for action_id, on_channel in left_out(decision, placement):
            if action_id not in said:
                history = (*said.values(), *contacts)
                assert action_id not in live(generation, decision, on_channel, history)
                if not decision.basis.request.channel:
                    continue  # reasons are those of the best channel
                assert action_id in {
                    it.exclusion.action_id
                    for it in decision.exclusions
                    if it.placement_id in ("", placement.request.placement.id)
                    and it.exclusion.stage is Stage.CONTACT_POLICY
                }


def reserved(action: str, channel: str) -> Contact:
    """Return what is kept of a proposition of the answer."""
    return contact(action, channel, outcome=RESERVED, decision=ANSWER)._replace(at_ms=NOW_MS)


def live(generation: Generation, decision: Decision, channel: str, contacts: tuple[Contact, ...]) -> set[str]:
    """Return what the rules would let through on a channel after some contacts."""
    situation = Situation(
        now_ms=NOW_MS,
        known=True,
        channel=channel,
        direction=decision.basis.request.direction,
        contacts=contacts,
    )
    mask = generation.rules.screen(generation.rules.look(situation)).live
    return {action.id for bit, action in enumerate(generation.catalog.actions) if mask >> bit & 1}


def left_out(decision: Decision, placement: PlacementDecision) -> Iterator[tuple[str, str]]:
    """Yield what a placement had a place for and did not take, and on which channel it would have gone."""
    basis = decision.basis
    chosen = {it.action.id for it in placement.propositions}
    if len(chosen) < placement.request.limit:
        for approach, _, mask in basis.reach.fits(basis.generation.rules, placement.request, ""):
            for bit, action in enumerate(basis.generation.catalog.actions):
                kept_back = bool(chosen) and action.id == placement.request.placement.fallback
                if mask >> bit & 1 and action.id not in chosen and not kept_back:
                    yield action.id, approach.channel
