"""Placements as domain types."""

from types import MappingProxyType

from nextbest_rules.catalog import Diversity, Exploration, Formula, Placement
from nextbest_rules.loading.documents.placements import (
    DiversityDocument,
    ExplorationDocument,
    PlacementDocument,
)
from nextbest_rules.terms import ActionType, Direction, ExplorationMethod


def placement(item: PlacementDocument) -> Placement:
    """Return a placement."""
    weights = item.channels or {}
    return Placement(
        id=item.id,
        title=item.title,
        channels=tuple(weights) if item.channel is None else (item.channel,),
        direction=Direction(item.direction),
        accepts=frozenset(map(ActionType, item.accepts)),
        default_limit=item.default_limit,
        max_limit=item.max_limit,
        channel_weights=MappingProxyType({channel: Formula(source) for channel, source in weights.items()}),
        best_hour=_formula(item.best_hour),
        time_zone=_formula(item.time_zone),
        fallback=item.fallback,
        hold_ms=item.hold,
        diversity=_diversity(item.at_most),
        exploration=_exploration(item.explore),
    )


def _diversity(item: DiversityDocument | None) -> Diversity:
    return Diversity() if item is None else Diversity(item.issue, item.group)


def _exploration(item: ExplorationDocument | None) -> Exploration | None:
    if item is None:
        return None
    return Exploration(ExplorationMethod(item.method), item.share or 0.0, item.regret)


def _formula(source: str | None) -> Formula | None:
    return None if source is None else Formula(source)
