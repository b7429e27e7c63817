"""How actions are shown: on which channel, in which treatment, per placement."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nextbest_rules import Treatment
from nextbest_rules.bitmask import union
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.reach import Approach, Reach
from nextbest_service.decisions.request import DecisionRequest, PlacementRequest


class Way(NamedTuple):
    """One channel of a placement: the actions that go out on it, and the treatments of those with any."""

    approach: Approach
    treatments: Mapping[int, Treatment]
    mask: int


class Showing(NamedTuple):
    """What may be shown in a placement (`mask`), and how."""

    asked: PlacementRequest
    mask: int
    ways: tuple[Way, ...]

    def of(self, row: int) -> tuple[Approach, Treatment | None]:
        """Return how an action of the mask is shown."""
        for way in self.ways:
            if way.mask >> row & 1:
                return way.approach, way.treatments.get(row)
        raise LookupError(f"action {row} is not in the mask")


def showings(generation: Generation, request: DecisionRequest, reach: Reach) -> Sequence[Showing]:
    """Return, per placement, what may be shown in it and how."""
    return [_showing(generation, request, reach, asked) for asked in request.placements]


def _showing(
    generation: Generation, request: DecisionRequest, reach: Reach, asked: PlacementRequest
) -> Showing:
    wanted = request.candidates & ~asked.excluded
    ways = tuple(
        [
            Way(approach, fit.treatments, mask & wanted)
            for approach, fit, mask in reach.fits(generation.rules, asked, request.locale)
        ]
    )
    mask = ways[0].mask if len(ways) == 1 else union(way.mask for way in ways)
    return Showing(asked, mask, ways)
