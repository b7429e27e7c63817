"""The whole of `nextbest models drift`: rows of the log then and now, scored by one model."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextbest_models.artifact import load
from nextbest_models.drift import Drift, Scored, compare
from nextbest_models.features import FeatureSpec
from nextbest_models.logged.decisions import LoggedDecisions
from nextbest_models.logged.export import LogExport
from nextbest_models.logged.rows import rows_of
from nextbest_models.progress import Progress, silent
from nextbest_models.ranker import Ranker
from nextbest_service.judging.period import Period, Sample
from nextbest_service.judging.question import JudgingError


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of an exported log: the decisions of a catalog in a period."""

    log: Path
    catalog: str
    period: Period


def find_drift(
    model: Path,
    spec: FeatureSpec,
    reference: Stretch,
    current: Stretch,
    most: int,
    progress: Progress = silent,
) -> Drift:
    """Compare what was offered in two stretches of a log, as a model sees it.

    `most` decisions of each are looked at, drawn evenly.

    Raises:
        ModelError: the model is damaged or was trained for other features.
        LoggedDataError: a directory is no export, or a file is damaged.
        JudgingError: there is nothing in one of the stretches.
    """
    ranker = load(model, spec)
    then, now = (
        _scored(ranker, spec, stretch, most, name, progress)
        for name, stretch in (("reference", reference), ("current", current))
    )
    return compare(spec.columns, then, now)


def _scored(
    ranker: Ranker, spec: FeatureSpec, stretch: Stretch, most: int, name: str, progress: Progress
) -> Scored:
    export = LogExport(stretch.log, spec.digest, stretch.catalog)
    sample = Sample.of(export, stretch.period, most)

    def tell(step: str, done: int, total: int) -> None:
        progress(f"{step} ({name})", done, total)

    parts = [
        _rows(ranker, decisions, candidates)
        for decisions in export.batches(progress=tell)
        if len(candidates := _offered(decisions, stretch.period, sample))
    ]
    if not parts:
        left_out = "".join(f"; {count:,} were left out: {why}" for why, count in export.left_out.items())
        raise JudgingError(f"nothing was offered in the {name} period of {stretch.log}{left_out}")
    return Scored(
        np.concatenate([part.matrix for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.types for part in parts if part.types is not None]),
    )


def _offered(
    decisions: LoggedDecisions, period: Period, sample: Sample
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the candidates that were offered by decisions of the stretch, ascending, each once."""
    wanted = np.array(
        [
            period.holds(time_ms) and sample.holds(id_)
            for id_, time_ms in zip(decisions.ids.tolist(), decisions.times_ms.tolist(), strict=True)
        ],
        dtype=np.bool_,
    )
    slots = decisions.slots
    return np.unique(slots.candidate[wanted[slots.decision]])


def _rows(
    ranker: Ranker, decisions: LoggedDecisions, candidates: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> Scored:
    matrix = rows_of(decisions, candidates)
    kinds = [decisions.side.kinds[row].type for row in decisions.candidates.rows[candidates].tolist()]
    return Scored(matrix, ranker.propensities(matrix, ranker.calibration.codes(kinds)), np.array(kinds))


def drifted(drift: Drift, limit: float) -> Iterator[str]:
    """Yield the names of what has an index above a limit that is not within chance."""
    for item in (drift.scores, *drift.types, *drift.features):
        if item.index > limit and not item.may_be_chance:
            yield item.name
