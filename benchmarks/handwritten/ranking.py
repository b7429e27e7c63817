"""Propensities by LightGBM: a matrix of all candidates, built row by row, and `Booster.predict`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import lightgbm
import numpy as np
from numpy.typing import NDArray

Plain: TypeAlias = dict[str, Any]
Floats: TypeAlias = NDArray[np.float64]

DAY_MS = 86_400_000
COMBINED: dict[str, Callable[[list[int]], int]] = {"sum": sum, "min": min, "max": max}
STATISTICS = {"count": 0, "recency": 1, "total": 2}


class Ranking:
    """A model with its calibration, for the actions of a document that `exporting` wrote into `root`."""

    def __init__(self, document: Plain, root: Path) -> None:
        self.booster = lightgbm.Booster(model_file=root / document["model"])
        self.names = document["customer_features"]
        self.columns = [document["columns"].index(name) for name in self.names]
        self.curves = {
            kind: (np.array(knots), np.array(values)) for kind, (knots, values) in document["curves"].items()
        }
        self.rows = {action["id"]: np.array(action["features"]) for action in document["actions"]}
        self.pairs: dict[str, list[Plain]] = {}
        for pair in document["pairs"]:
            self.pairs.setdefault(pair["family"], []).append(pair)

    def propensities(self, candidates: list[Plain], customer: Plain, now_ms: int) -> Floats:
        """Return the calibrated probability of each candidate."""
        matrix = np.stack([self.rows[action["id"]] for action in candidates])
        matrix[:, self.columns] = [customer["features"][name] for name in self.names]
        today = now_ms // DAY_MS
        for row, action in enumerate(candidates):
            self._fill(matrix[row], action, customer["counters"], today)
        return self._calibrated(np.asarray(self.booster.predict(matrix, num_threads=1)))

    def _fill(self, row: Floats, action: Plain, counters: Plain, today: int) -> None:
        for family, pairs in self.pairs.items():
            own = counters.get(family, {})
            found = [own[key] for key in action["keys"].get(family, ()) if key in own]
            if not found:
                continue
            for pair in pairs:
                values = [_value(pair["statistic"], counter, today) for counter in found]
                value = COMBINED[pair["combine"]](values) * pair["unit"]
                average = action["averages"].get(str(pair["column"]))
                row[pair["column"]] = value if average is None else value / average

    def _calibrated(self, scores: Floats) -> Floats:
        """Return scores on the curve of their type; all actions here are offers."""
        if "OFFER" not in self.curves:
            return scores
        knots, values = self.curves["OFFER"]
        odds = np.interp(np.log(scores / (1.0 - scores)), knots, values)
        return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def _value(statistic: str, counter: list[int], today: int) -> int:
    value = counter[STATISTICS[statistic]]
    return max(today - value, 0) if statistic == "recency" else value
