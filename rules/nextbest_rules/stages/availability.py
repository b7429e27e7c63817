"""Stage validity: the dates of an action, its brands, and an operator's order to stop it at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from nextbest_rules.bitmask import mask_where
from nextbest_rules.catalog import Action, Catalog, Window
from nextbest_rules.dates import iso
from nextbest_rules.explanation import Finding, Stop
from nextbest_rules.records import Kill
from nextbest_rules.sight import View
from nextbest_rules.situation import Situation
from nextbest_rules.terms import Stage
from nextbest_rules.validity import ValidityTimeline


@dataclass(frozen=True, slots=True)
class Availability:
    """Which actions exist at all here and now."""

    _catalog: Catalog
    _timeline: ValidityTimeline
    _of_brand: Mapping[str, int]
    _of_windows: Sequence[int]

    @classmethod
    def of(cls, catalog: Catalog) -> "Availability":
        """Compile the dates and brands of a catalog."""
        brands = (*catalog.brands, "")
        return cls(
            catalog,
            ValidityTimeline.over(catalog.actions),
            {brand: mask_where(catalog.actions, partial(_is_of_brand, brand=brand)) for brand in brands},
            tuple(_by_windows(catalog).values()),
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask: never, for an operator may kill any action."""
        return False

    def screen(self, live: int, view: View) -> int:
        """Return what is valid, of the brand that asks, and not killed."""
        situation = view.situation
        live &= self._timeline.mask_at(situation.now_ms) & self._of_brand.get(situation.brand, 0)
        return live & ~self._killed(situation) if situation.killed else live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        situation = view.situation
        outside = partial(_outside_validity, now_ms=situation.now_ms)
        invalid = ~self._timeline.mask_at(situation.now_ms)
        for mask in self._of_windows:
            yield Stop(Stage.VALIDITY, invalid & mask, outside, alike=True)
        yield Stop(
            Stage.VALIDITY,
            ~self._of_brand.get(situation.brand, 0),
            partial(_other_brand, brand=situation.brand),
        )
        yield Stop(
            Stage.VALIDITY, self._killed(situation), lambda action: _killed(situation.killed[action.id])
        )

    def _killed(self, situation: Situation) -> int:
        mask = 0
        for action_id, kill in situation.killed.items():
            bit = self._catalog.index.get(action_id)
            if bit is not None and (kill.until_ms is None or situation.now_ms < kill.until_ms):
                mask |= 1 << bit
        return mask


def _by_windows(catalog: Catalog) -> Mapping[tuple[Window, ...], int]:
    """Return the actions of each validity that any of them has."""
    found: dict[tuple[Window, ...], int] = {}
    for bit, action in enumerate(catalog.actions):
        found[action.valid] = found.get(action.valid, 0) | 1 << bit
    return found


def _is_of_brand(action: Action, brand: str) -> bool:
    return action.brands is None or brand in action.brands


def _outside_validity(action: Action, now_ms: int) -> Finding:
    """Say when the next window opens, or that there is none any more."""
    later = [
        window.from_ms for window in action.valid if window.from_ms is not None and window.from_ms > now_ms
    ]
    if later:
        opens = min(later)
        return Finding(
            "not_yet_valid", "The action is not valid yet.", iso(now_ms), f"from {iso(opens)}", opens
        )
    ended = max(window.until_ms for window in action.valid if window.until_ms is not None)
    return Finding("expired", "The action has expired.", iso(now_ms), f"before {iso(ended)}")


def _other_brand(action: Action, brand: str) -> Finding:
    brands = " or ".join(sorted(action.brands or ()))
    return Finding("brand", "The action belongs to another brand.", f"brand = {brand or 'none'}", brands)


def _killed(kill: Kill) -> Finding:
    return Finding(
        "killed",
        f"An operator stopped the action: {kill.reason}",
        f"killed since {iso(kill.since_ms)}",
        "" if kill.until_ms is None else f"from {iso(kill.until_ms)}",
        kill.until_ms,
    )
