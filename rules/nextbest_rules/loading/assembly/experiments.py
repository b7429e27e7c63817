"""Holdouts, experiments and shadows as domain types."""

from nextbest_rules.catalog import Arm, Experiment, Experimentation, Holdout, Shadow, Window
from nextbest_rules.loading.assembly.selectors import Types, levers, selector
from nextbest_rules.loading.documents import (
    ArmDocument,
    ExperimentDocument,
    ExperimentsDocument,
    HoldoutDocument,
)


def experimentation(item: ExperimentsDocument, types: Types) -> Experimentation:
    """Return what is tried out; `types` are those of the attributes."""
    return Experimentation(
        holdouts=tuple(_holdout(it, types) for it in item.holdouts),
        experiments=tuple(_experiment(it, types) for it in item.experiments),
        shadows=tuple(Shadow(it.ranker, it.share) for it in item.shadows),
    )


def _holdout(item: HoldoutDocument, types: Types) -> Holdout:
    applies_to, window = selector(item.applies_to, types), Window(item.from_ms, item.until_ms)
    return Holdout(item.id, applies_to, item.share, item.reason, window, item.salt)


def _experiment(item: ExperimentDocument, types: Types) -> Experiment:
    arms, window = tuple(_arm(it, types) for it in item.arms), Window(item.from_ms, item.until_ms)
    return Experiment(item.id, arms, window, item.description, item.salt)


def _arm(item: ArmDocument, types: Types) -> Arm:
    withhold = None if item.withhold is None else selector(item.withhold, types)
    return Arm(item.id, item.share, item.ranker or "", levers(item.levers, types), withhold)
