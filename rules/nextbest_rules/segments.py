"""Who belongs to which segment, as far as can be told."""

from dataclasses import dataclass

from nextbest_rules.catalog import Catalog, Segment
from nextbest_rules.expressions import Expressions
from nextbest_rules.sight import Function, Layout, Sight
from nextbest_rules.situation import Situation


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments of a catalog, compiled. They have slots of their own: decisions do not fill them."""

    _segments: tuple[tuple[Segment, Function], ...]
    _sight: Sight

    @classmethod
    def of(cls, catalog: Catalog) -> "Segments":
        """Compile the segments of a catalog."""
        layout = Layout(Expressions(catalog))
        compiled = tuple(
            (segment, layout.function(layout.expressions.condition(segment.when)))
            for segment in catalog.segments
        )
        return cls(compiled, Sight.of(catalog, layout.slots))

    def holding(self, situation: Situation) -> frozenset[str]:
        """Return the segments that the customer is in: of an exclusive set the last one that holds.

        One that cannot be decided does not hold. Never raises for what the values are.
        """
        if not self._segments:
            return frozenset()
        slots = self._sight.look(situation).slots
        held = [segment for segment, holds in self._segments if holds(slots) is True]
        last = {segment.group: segment.id for segment in held if segment.group}
        return frozenset(segment.id for segment in held if last.get(segment.group, segment.id) == segment.id)
