"""An action side is all that rows need beside the customer, whatever became of catalog and population."""

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_world import AFFINITIES, FEATURES, KEYS

from nextbest_models.action_side import (
    ActionSide,
    ActionSideError,
    Declarations,
    action_side_bytes,
    action_side_id,
)
from nextbest_models.affinity import AffinityCounters, smallest
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.definitions import DAY_MS
from nextbest_models.evidence import Kind
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.state import CustomerFeatures

NOW = 20_000 * DAY_MS + 5 * 3_600_000
DECLARED = Declarations(
    AFFINITIES,
    [
        *FEATURES,
        {
            "name": "buyers",
            "source": "action",
            "definition": {"affinity": "product", "population": "customers"},
        },
        {
            "name": "relative_spend",
            "source": "pair",
            "definition": {"affinity": "product", "statistic": "total", "combine": "sum", "relative": True},
            "default": -3.0,
        },
    ],
)
SPEC = FeatureSpec.from_declarations(DECLARED.affinities, DECLARED.features)
OFFER = Kind("OFFER", "tastes", "warm")
ACTIONS = [
    ActionProfile("a", {"size": 3, "grade": "B"}, {"product": ["p0", "p1"], "colour": ["red"]}, OFFER),
    ActionProfile("b", {"grade": "?"}, {"product": ["p2"], "colour": ["blue"]}, Kind("SERVICE")),
    ActionProfile("c", {"size": True}, {}),
    ActionProfile("d", {"size": 1.5}, {"product": ["nobody knows this", "p1"]}),
]
POPULATION = Population(*(np.array(it) for it in ([9, 4, 0, 3, 2], [20, 5, 0, 7, 2], [31, 17, 0, 9, 0])))
ASSEMBLER = CandidateAssembler(SPEC, ACTIONS, KEYS, POPULATION)
CONTENT = action_side_bytes(ASSEMBLER, ACTIONS, DECLARED)
SMALL = st.integers(0, 300)


def customer(counters: AffinityCounters) -> CustomerFeatures:
    """Return a customer with these counters."""
    return CustomerFeatures(np.arange(len(SPEC.customer_names), dtype=np.float32), counters, NOW)


def counters_of(touched: dict[int, tuple[int, int, int]]) -> AffinityCounters:
    """Return counters by key id: how often, how many days ago, how much."""
    ids = np.array(sorted(touched), dtype=np.int64)
    rows = [(count, 20_000 - days, total) for count, days, total in (touched[it] for it in ids.tolist())]
    return AffinityCounters(smallest(ids), *np.array(rows, dtype=np.uint16).reshape(-1, 3).T)


@given(
    st.dictionaries(st.integers(0, len(KEYS) + 3), st.tuples(SMALL, SMALL, SMALL)),
    st.lists(st.sampled_from(range(len(ACTIONS))), unique=True).map(sorted),
    st.booleans(),
)
def test_rows_made_from_it_and_the_counters_behind_them_are_the_same(
    touched: dict[int, tuple[int, int, int]], chosen: list[int], at_noon: bool
) -> None:
    side, rows = ActionSide.from_bytes(CONTENT), np.array(chosen, dtype=np.intp)
    context = {"hour": 11.0} if at_noon else {}
    counters = counters_of(touched)
    behind = ASSEMBLER.counters_behind(counters, rows)
    expected = ASSEMBLER.assemble(customer(counters), context, rows, NOW)
    rebuilt = side.assembler.assemble(customer(behind), context, rows, NOW)
    assert np.array_equal(rebuilt, expected, equal_nan=True)


def test_counters_behind_rows_are_no_more_than_they_need() -> None:
    p0, p2, blue = (
        int(KEYS.ids_for(*key)[0]) for key in (("product", ["p0"]), ("product", ["p2"]), ("colour", ["blue"]))
    )
    newer = len(KEYS)
    counters = counters_of(dict.fromkeys((p0, p2, blue, newer, newer + 1), (1, 1, 1)))

    def ids(*rows: int) -> list[int]:
        return ASSEMBLER.counters_behind(counters, np.array(rows, dtype=np.intp)).ids.tolist()

    assert ids(0) == [p0]
    assert ids(1) == sorted([p2, blue])
    assert ids(2) == ids(3) == ids() == []  # no keys, and a key that nobody knows: neither is the newest one


def test_it_says_which_actions_they_are_and_of_which_kind() -> None:
    side = ActionSide.from_bytes(CONTENT)
    assert side.actions == ("a", "b", "c", "d")
    assert side.kinds == (OFFER, Kind("SERVICE"), Kind(), Kind())
    assert side.spec.digest == SPEC.digest
    assert side.id == action_side_id(CONTENT)


def test_the_same_side_has_the_same_bytes_and_another_population_gives_another() -> None:
    assert action_side_bytes(ActionSide.from_bytes(CONTENT).assembler, ACTIONS, DECLARED) == CONTENT
    other = CandidateAssembler(SPEC, ACTIONS, KEYS, Population.unknown())
    assert action_side_id(action_side_bytes(other, ACTIONS, DECLARED)) != action_side_id(CONTENT)


def test_a_side_of_no_actions_can_be_read() -> None:
    empty = CandidateAssembler(SPEC, [], KEYS, POPULATION)
    assert ActionSide.from_bytes(action_side_bytes(empty, [], DECLARED)).actions == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2; this version reads 1"),
        ({"spec_digest": "x"}, "something else in this version"),
    ],
)
def test_a_side_that_another_version_wrote_is_refused(change: dict[str, object], message: str) -> None:
    with np.load(io.BytesIO(CONTENT)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(arrays["about"].tobytes()) | change
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    with pytest.raises(ActionSideError, match=message):
        ActionSide.from_bytes(file.getvalue())
