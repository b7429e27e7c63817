"""What it costs to explain propositions, beside scoring all candidates of a decision.

Run it with `python -m benchmarks.micro.explaining`; add `--json` for a machine. Trees have 15 and 31 leaves,
40 columns, some values missing; one thread. LightGBM computes the contributions and scores the same rows
again, to see that they add up. `scores` is what every decision pays where LightGBM scores.
"""

from collections.abc import Iterator

import lightgbm
import numpy as np

from benchmarks.interleaved import Candidate, run
from nextbest_models.contributions import Explainer

COLUMNS, SHAPES, ROWS, MANY = 40, ((100, 15), (200, 15), (100, 31)), (1, 3, 10), 100


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    rng = np.random.default_rng(7)
    for trees, leaves in SHAPES:
        booster = _booster(rng, trees, leaves)
        explainer, group = (
            Explainer.of(booster, str(booster.model_to_string())),
            f"{trees} trees of {leaves} leaves",
        )
        if explainer is None:
            raise AssertionError("a model of a common kind can be taken apart")
        for rows in ROWS:
            matrix = _values(rng, rows)
            yield Candidate(
                group,
                f"explain {rows}",
                0,
                lambda matrix=matrix, explainer=explainer: explainer.contributions(matrix),
            )
        many = _values(rng, MANY)
        yield Candidate(
            group,
            f"scores of {MANY}",
            0,
            lambda many=many, booster=booster: booster.predict(many, num_threads=1),
        )


def _booster(rng: np.random.Generator, trees: int, leaves: int) -> lightgbm.Booster:
    matrix = _values(rng, 20_000)
    labels = np.nan_to_num(matrix) @ rng.normal(size=COLUMNS) + 3 * rng.normal(size=len(matrix)) > 0
    parameters = {"objective": "binary", "num_leaves": leaves, "verbosity": -1, "num_threads": 1, "seed": 1}
    rows = lightgbm.Dataset(matrix, labels, params=parameters)
    return lightgbm.Booster(model_str=lightgbm.train(parameters, rows, trees).model_to_string())


def _values(rng: np.random.Generator, rows: int) -> np.ndarray:
    values = rng.normal(size=(rows, COLUMNS))
    values[rng.random(values.shape) < 0.2] = np.nan
    return values


if __name__ == "__main__":
    run("Explaining propositions", candidates, {"lightgbm": lightgbm.__version__}, rounds=31, calls=5)
