"""From an export to what can be learned from: two readings of it, and what there is to say of the data."""

from collections.abc import Iterator

import numpy as np
from pydantic import JsonValue

from nextbest_models.features import FeatureSpec
from nextbest_models.learning import Material
from nextbest_models.logged.attributor import Attributor
from nextbest_models.logged.collecting import Collected
from nextbest_models.logged.decisions import LoggedDataError
from nextbest_models.logged.export import LogExport
from nextbest_models.logged.exposures import ExposureReader
from nextbest_models.logged.sampling import Survey, cuts_of, kept_share
from nextbest_models.progress import Progress
from nextbest_models.recipe import LogPlan, LogRecipe


def material_of(recipe: LogRecipe, spec: FeatureSpec, source: LogExport, progress: Progress) -> Material:
    """Return what can be learned from an export.

    It is read twice: where the periods begin, and how many successes there are, has to be known before rows
    are made again.

    Raises:
        LoggedDataError: nothing can be learned from it, or a file is damaged.
        DatasetError: there was no success in one of the periods.
    """
    plan = recipe.log
    reader = ExposureReader(source, Attributor.of(source, plan))
    survey = _surveyed(reader, progress)
    cuts = cuts_of(survey.times_ms, plan)
    collected = Collected(plan, cuts, kept_share(survey, cuts, plan))
    for exposures in reader.batches(progress, "Making rows again"):
        collected.add(exposures)
    rows = collected.split(spec.columns).checked(recipe)
    evidence = collected.evidence()
    return Material(
        rows=rows,
        cuts=cuts,
        kinds=[*collected.actions.kinds],
        evidence=evidence,
        notes=tuple(_notes(plan, collected, reader)),
        figures=_figures(collected, reader),
    )


def _surveyed(reader: ExposureReader, progress: Progress) -> Survey:
    found = [(it.times_ms, it.positive) for it in reader.batches(progress, "Reading the log")]
    read = sum(len(times) for times, _ in found)
    if not read:
        reasons = "; ".join(_left_out(reader)) or "no proposition was made"
        raise LoggedDataError(f"nothing in {reader.source.directory} can be learned from: {reasons}")
    times, positive = (np.concatenate(column) for column in zip(*found, strict=True))
    if not positive.any():
        raise LoggedDataError(
            f"none of the {read:,} propositions that were shown was a success; "
            f"these outcomes make one: {', '.join(reader.attributor.plan.positives)}"
        )
    return Survey(times, positive)


def _left_out(reader: ExposureReader) -> Iterator[str]:
    yield from (f"{count:,} decisions because {why}" for why, count in reader.source.left_out.items())
    yield from (f"{count:,} {what}" for what, count in reader.left_out.items() if count)


def _notes(plan: LogPlan, collected: Collected, reader: ExposureReader) -> Iterator[str]:
    """Yield what the model card says of the data."""
    yield (
        f"Learned from the decision log: {collected.exposures:,} propositions that were shown, with the"
        " features that they were ranked by."
    )
    yield (
        f"A success is {', '.join(plan.positives)} within {plan.window_days:g} days of the decision. So the"
        " last outcomes of a period came after its end."
    )
    if plan.assume_shown:
        yield "Everything that was proposed counts as shown, unless it was withheld or not delivered."
    else:
        yield "What an outcome says somebody saw counts as shown, and nothing else."
    yield from (f"Left out: {what}." for what in _left_out(reader))
    if collected.share < 1:
        yield f"{collected.share:.1%} of the rows without success were drawn to learn from and stand for all."
    if plan.most_weight > 1:
        yield (
            "What exploration picked with probability p counts 1/p times when the model learns, at most"
            f" {plan.most_weight:g} times. Figures are of what was shown, unweighted."
        )
    yield (
        "The model does not know at which rank a proposition stood. Where lower ranks are looked at less"
        " although they count as shown, it takes that for lack of interest."
    )


def _figures(collected: Collected, reader: ExposureReader) -> dict[str, JsonValue]:
    """Return numbers about the data."""
    return {
        "exposures": collected.exposures,
        "negatives_share": collected.share,
        "left_out_decisions": dict(reader.source.left_out),
        "left_out_propositions": {what: count for what, count in reader.left_out.items() if count},
    }
