"""From raw scores to calibrated propensities: one compiled pass beside the same with numpy.

Run it with `python -m benchmarks.micro.calibrating`; add `--json` for a machine.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.interleaved import Candidate, run
from nextbest_models.calibration import FAR, Calibration, Curve, Method
from nextbest_models.scoring.curves import Curves
from nextbest_models.scoring.links import LogisticLink


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    curve = Curve(Method.PLATT, np.array([-FAR, FAR]), np.array([-31.0, 20.0]))
    calibration, link = Calibration({"OFFER": curve}), LogisticLink(1.0, 1.0)
    compiled = Curves.of(calibration)
    for size in (20, 100, 1_000):
        raw, rows = np.random.default_rng(size).normal(-4.0, 1.0, size), np.arange(size)
        codes = calibration.codes(["OFFER"] * size)

        def plain(raw: np.ndarray = raw, codes: np.ndarray = codes) -> np.ndarray:
            scores = link.propensities(raw)
            assert np.all((scores >= 0.0) & (scores <= 1.0))
            return calibration.apply(scores, codes)

        def one_pass(raw: np.ndarray = raw, codes: np.ndarray = codes, rows: np.ndarray = rows) -> np.ndarray:
            found, sound = compiled.of_raw(raw, link, codes, rows)
            assert sound
            return found

        np.testing.assert_allclose(one_pass(), plain(), rtol=1e-12)
        yield Candidate(f"{size:,} candidates", "numpy", 0, plain)
        yield Candidate(f"{size:,} candidates", "one compiled pass", 0, one_pass)


if __name__ == "__main__":
    run("Calibrated propensities", candidates, {"numpy": np.__version__}, rounds=51, calls=100)
