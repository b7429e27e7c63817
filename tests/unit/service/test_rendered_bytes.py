"""Answers are put together from bytes; they say what protobuf's own classes would say, field by field."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_answers import plain_answer

from nextbest.v1 import decision_pb2, proposition_pb2, value_pb2
from nextbest_models.ladder import Maturity
from nextbest_models.state import CustomerFeatures
from nextbest_rules import Exclusion, Stage, load_catalog
from nextbest_service.api.render_answer import AnswerRenderer, render_timing
from nextbest_service.api.wire import tag, varint, with_length
from nextbest_service.catalogs import find_catalog
from nextbest_service.decisions.decision import (
    Decision,
    Degradation,
    PlacedExclusion,
    PlacementDecision,
    Proposition,
    SelectionType,
    Timing,
)
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.explanation import (
    Explanation,
    FeatureContribution,
    Multiplier,
    MultiplierSource,
)
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import offline_generation
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found
from nextbest_service.store.keys import KeyRing

NOW_MS = 1_772_420_400_000
RING = KeyRing(b"secret")


@cache
def bank() -> Generation:
    return offline_generation(load_catalog(find_catalog("bank")))


@cache
def renderer() -> AnswerRenderer:
    return AnswerRenderer(bank())


@cache
def a_decision() -> Decision:
    """Return any decision: what it rests on stays, what it says is put in its place."""
    catalog = bank().catalog
    request = DecisionRequest(
        request_id="",
        identities=(),
        placements=(PlacementRequest(catalog.placements["web_hero"], 3, 0),),
        channel="web",
        brand=catalog.default_brand,
        goal=catalog.default_goal,
        locale="en",
        context={},
        candidates=(1 << len(catalog.actions)) - 1,
        explain=ExplainLevel.NONE,
        include_content=True,
        allow_duplicates=False,
    )
    unknown = Customer(True, CustomerFeatures.unknown(bank().spec, NOW_MS), None, {})
    watch = Stopwatch()
    watch.lap()
    return deliberate(bank(), request, Reading(unknown, {}, {}, Found(()), NOW_MS), {}, "0" * 32, watch)


TEXTS = st.text(max_size=40)
TIMES = st.none() | st.integers(1, 2**53)
MICROSECONDS = st.integers(0, 2**31 - 1)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    TEXTS,
    st.lists(TEXTS, max_size=3),
    st.datetimes(min_value=datetime(1900, 1, 1)).map(lambda it: it.replace(tzinfo=UTC)),  # noqa: DTZ001
)
EXPLANATION = Explanation(
    summary="The customer bought this before.",
    sentences=("One.", "Two."),
    multipliers=(Multiplier(MultiplierSource.GOAL, "growth", 1.5),),
    contributions=(FeatureContribution("visits", None, 0.25, "no visits"),),
    base_log_odds=-3.0,
)


@st.composite
def propositions(draw: st.DrawFn) -> Proposition:
    """Return a proposition with anything that the catalog and figures allow in it."""
    row = draw(st.integers(0, len(bank().catalog.actions) - 1))
    action = bank().catalog.actions[row]
    treatment = draw(st.sampled_from(["", *(it.id for it in action.treatments)]))
    figures = [draw(st.floats(allow_nan=False)) for _ in range(4)]
    return Proposition(
        action,
        draw(st.integers(1, 2**16 - 1)),
        draw(st.sampled_from(SelectionType)),
        draw(st.floats(0, 1)),
        *figures,
        channel=draw(st.sampled_from(bank().catalog.channels)),
        treatment_id=treatment,
        content_json=bank().content(row, treatment) if draw(st.booleans()) else "",
        parameters=draw(st.dictionaries(TEXTS, VALUES, max_size=3)),
        expires_at_ms=draw(TIMES),
        send_at_ms=draw(TIMES),
        selection_probability=draw(st.floats(0, 1)),
        maturity=draw(st.none() | st.sampled_from(Maturity)),
        explanation=draw(st.none() | st.just(EXPLANATION)),
    )


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """Return what a decision of any shape says, without what it rests on, which fills pages when printed."""
    asked = st.sampled_from([*bank().catalog.placements.values()])
    placements = st.lists(st.tuples(asked, st.lists(propositions(), max_size=4)), max_size=3)
    stops = st.builds(
        Exclusion, TEXTS, st.sampled_from(Stage), TEXTS, TEXTS, actual=TEXTS, eligible_at_ms=TIMES
    )
    return {
        "id": draw(st.binary(min_size=16, max_size=16)).hex(),
        "decided_at_ms": draw(st.integers(1, 2**53)),
        "placements": tuple(
            PlacementDecision(PlacementRequest(placement, 3, 0), tuple(offered))
            for placement, offered in draw(placements)
        ),
        "selection_type": draw(st.sampled_from([SelectionType.RANKED, SelectionType.STATIC])),
        "exclusions": tuple(
            PlacedExclusion(stop, place)
            for stop, place in draw(st.lists(st.tuples(stops, TEXTS), max_size=2))
        ),
        "customer_known": draw(st.booleans()),
        "degraded": tuple(draw(st.lists(st.sampled_from(Degradation), max_size=2))),
        "stale_features": tuple(draw(st.lists(TEXTS, max_size=2))),
        "timing": Timing(*(draw(MICROSECONDS) for _ in range(6))),
        "origin": draw(st.binary(min_size=12, max_size=12)),
    }


@given(contents(), st.booleans(), MICROSECONDS, MICROSECONDS)
def test_an_answer_says_what_plain_messages_would_say(
    content: dict[str, Any], signed: bool, render_us: int, total_us: int
) -> None:
    decision = Decision(**content, basis=a_decision().basis)
    ring = RING if signed else None
    expected = plain_answer(decision, ring)
    expected.timing.render_us, expected.timing.total_us = render_us, total_us
    answer = renderer().render(decision, ring) + render_timing(decision.timing, render_us, total_us)
    found = decision_pb2.DecideResponse.FromString(answer)
    assert found == expected
    assert not found.FindInitializationErrors()
    # Equal messages may hide what they do not know: everything in the bytes is a field of the contract.
    assert len(found.SerializeToString()) == len(expected.SerializeToString())


@pytest.mark.parametrize("content", [True, False])
def test_whatever_a_catalog_can_show_keeps_its_own_bytes(content: bool) -> None:
    """All through one renderer, which must not take the kept bytes of one for another's."""
    shown = [
        Proposition(
            action, 1, SelectionType.RANKED, 0.5, 1.0, 1.0, 1.0, 0.5, channel, treatment,
            bank().content(row, treatment) if content else "",
        )
        for row, action in enumerate(bank().catalog.actions)
        for treatment in ("", *(it.id for it in action.treatments))
        for channel in bank().catalog.channels
    ]  # fmt: skip
    asked = a_decision().placements[0].request
    decision = Decision(
        id="0" * 32,
        decided_at_ms=NOW_MS,
        placements=(PlacementDecision(asked, tuple(shown)),),
        selection_type=SelectionType.RANKED,
        exclusions=(),
        customer_known=True,
        degraded=(),
        stale_features=(),
        timing=Timing(0, 0, 0, 0, 0),
        basis=a_decision().basis,
    )
    for _ in ("made", "kept"):
        answer = renderer().render(decision, None) + render_timing(decision.timing, 0, 0)
        assert decision_pb2.DecideResponse.FromString(answer) == plain_answer(decision, None)


def test_the_same_decision_has_the_same_bytes() -> None:
    decision = a_decision()
    assert renderer().render(decision, RING) == AnswerRenderer(bank()).render(decision, RING)


@given(st.integers(0, 2**63 - 1))
def test_a_number_is_written_as_protobuf_writes_it(number: int) -> None:
    name = tag(value_pb2.Value, "int_value")
    assert name + varint(number) == value_pb2.Value(int_value=number).SerializeToString()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 4095, 4096, 16_383, 16_384, 100_000])
def test_a_message_of_any_size_goes_into_another(size: int) -> None:
    inner = proposition_pb2.Proposition(content_json="x" * size).SerializeToString()
    outer = tag(proposition_pb2.PlacementDecision, "propositions") + with_length(inner)
    assert len(proposition_pb2.PlacementDecision.FromString(outer).propositions[0].content_json) == size
