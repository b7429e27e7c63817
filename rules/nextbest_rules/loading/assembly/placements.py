"""Placements as domain types."""

from types import MappingProxyType

from nextbest_rules.catalog import Formula, Placement
from nextbest_rules.loading.documents import PlacementDocument
from nextbest_rules.terms import ActionType, Direction


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
    )


def _formula(source: str | None) -> Formula | None:
    return None if source is None else Formula(source)
