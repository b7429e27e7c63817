"""Learning from rows, wherever they come from: a rehearsal that says how to calibrate, and then the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import lightgbm
import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from nextbest_models import artifact
from nextbest_models.calibrating import calibration_of, fit_by_type
from nextbest_models.companions import Companions
from nextbest_models.dataset import Cuts
from nextbest_models.evidence import Evidence, Experience, Kind
from nextbest_models.progress import Progress
from nextbest_models.recipe import Recipe
from nextbest_models.reliability import Reliability, calibrated, reliability_by_type
from nextbest_models.training import Evaluation, Fit, Split, evaluate, scores_of, types_of
from nextbest_models.training import fit as fit_here


@dataclass(frozen=True, slots=True)
class Material:
    """What to learn from.

    kinds: of the actions that the rows number. evidence: everything that was shown before the test period,
    be it among the rows or not. notes: sentences about the data for the model card. figures: numbers about
    the data for the manifest and for `--json`.
    """

    rows: Split
    cuts: Cuts
    kinds: Sequence[Kind]
    evidence: Evidence
    notes: tuple[str, ...] = ()
    figures: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained model with everything known of it. `test` is of calibrated scores."""

    booster: lightgbm.Booster
    validation: Evaluation
    test: Evaluation
    uncalibrated: Evaluation
    reliability: Mapping[str, Reliability]
    golden: NDArray[np.float64]
    companions: Companions


def learn(
    recipe: Recipe, material: Material, threads: int, progress: Progress, fit: Fit = fit_here
) -> Learned:
    """Learn twice: a rehearsal, whose scores of the validation period say how to calibrate, and the model."""
    rows, kinds = material.rows, material.kinds
    rehearsal = fit(recipe, rows.fit, threads, progress, "Training for validation")
    rehearsed = scores_of(rehearsal, rows.validation, threads)
    types = types_of(rows.validation, kinds)
    fits = fit_by_type(rows.validation.positive, rehearsed, types, recipe.calibration)
    booster = fit(recipe, rows.train, threads, progress, "Training")
    scores, types = scores_of(booster, rows.test, threads), types_of(rows.test, kinds)
    return Learned(
        booster=booster,
        validation=evaluate(rehearsed, recipe, rows.validation),
        test=evaluate(calibrated(scores, types, fits), recipe, rows.test),
        uncalibrated=evaluate(scores, recipe, rows.test),
        reliability=reliability_by_type(rows.test.positive, scores, types, fits),
        golden=artifact.golden_rows(rows.test.matrix, scores),
        companions=Companions(calibration_of(fits), Experience(material.evidence, recipe.graduation)),
    )
