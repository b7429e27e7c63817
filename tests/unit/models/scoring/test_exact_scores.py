import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_models import RandomModel, random_models

from nextbest_models.scoring.intervals import MAX_RUN_BYTES
from nextbest_models.scoring.scorer import ExactScorer, Roles

SETTINGS = settings(max_examples=320, deadline=None, suppress_health_check=list(HealthCheck))


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and one.tobytes() == other.tobytes()


@SETTINGS
@given(random_models(), st.data())
def test_scores_are_lightgbms_to_the_last_bit(model: RandomModel, data: st.DataObject) -> None:
    """Whole rows, and the same rows as candidates of a request with columns in any roles."""
    scorer = ExactScorer.compile(model.text, data.draw(st.sampled_from([0, 500, MAX_RUN_BYTES])))
    assert _same_bits(scorer.raw_scores(model.rows), model.expected)
    role_of = np.array(data.draw(st.lists(st.integers(0, 3), min_size=6, max_size=6)))[: model.rows.shape[1]]
    request, action, *families = (np.flatnonzero(role_of == role) for role in range(4))
    pair = np.concatenate(families)
    rows = model.rows.copy()
    rows[:, request] = rows[data.draw(st.integers(0, len(rows) - 1)), request]
    defaults = rows[0, pair]
    own = scorer.for_actions(Roles(request, action, tuple(families)), rows[:, action], defaults)
    # Every third row has no values of the first family, every second one none of the other.
    has = np.stack([np.arange(len(rows)) % 3 != 0, np.arange(len(rows)) % 2 != 0])
    for family, flags in zip(families, has, strict=True):
        rows[np.ix_(~flags, family)] = rows[0, family]
    picked = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1))), dtype=np.intp)
    hits = np.flatnonzero(has.any(axis=0)[picked])
    touched, pairs = has[:, picked[hits]], rows[np.ix_(picked[hits], pair)].T
    read = np.repeat(touched, [len(family) for family in families], axis=0)
    pairs = np.ascontiguousarray(np.where(read, pairs, 1e9))  # what is not touched is not looked at
    scores = own.raw_scores(rows[0, request], picked, hits, touched, pairs)
    expected = model.booster.predict(rows, raw_score=True, num_threads=1).reshape(len(rows), -1)[picked]
    assert _same_bits(scores, expected)
