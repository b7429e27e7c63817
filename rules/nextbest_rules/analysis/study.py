"""What the analyses work on, and what they find."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nextbest_rules.analysis.places import Location, Places
from nextbest_rules.bitmask import bits
from nextbest_rules.catalog import Action, Catalog, Placement
from nextbest_rules.cel import Expression
from nextbest_rules.expressions import Expressions
from nextbest_rules.policies import Guard, Selector
from nextbest_rules.selection import mask_of

_MAX_NAMES = 3
ELEMENTS: Mapping[str, str] = {"tickets": "ticket", "purchases": "purchase", "events": "event"}


class WarningKind(StrEnum):
    """What a warning is about."""

    UNREACHABLE_ACTION = "unreachable_action"
    CONSTANT_CONDITION = "constant_condition"
    CONTRADICTION = "contradiction"
    UNUSED = "unused"
    NO_EFFECT = "no_effect"
    IDLE_CAP = "idle_cap"
    ALWAYS_QUIET = "always_quiet"
    DUPLICATE_RULE = "duplicate_rule"


@dataclass(frozen=True, slots=True)
class CatalogWarning:
    """Something that is certainly not meant, though the catalog can be served."""

    kind: WarningKind
    location: Location
    message: str

    def __str__(self) -> str:
        place = self.location
        return f"{place.file}:{place.line}:{place.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class Study:
    """A catalog under analysis at one moment, with its expressions and the places of its things."""

    catalog: Catalog
    expressions: Expressions
    places: Places
    now_ms: int
    _masks: dict[int, int] = field(default_factory=dict)

    def mask(self, selector: Selector) -> int:
        """Return the actions that a selector means."""
        key = id(selector)
        if key not in self._masks:
            self._masks[key] = mask_of(selector, self.catalog)
        return self._masks[key]

    def actions(self, mask: int) -> Iterator[Action]:
        """Yield the actions of a mask."""
        return (self.catalog.actions[bit] for bit in bits(mask))

    def names(self, mask: int) -> str:
        """Return the ids of some actions of a mask, and how many more there are."""
        return named([action.id for action in self.actions(mask)])

    def cause(self, guard: Guard) -> Expression:
        """Return a guard's condition."""
        return self.expressions.condition(guard.when, ELEMENTS.get(guard.over))

    def warn(self, kind: WarningKind, thing: tuple[str, str], message: str) -> CatalogWarning:
        """Return a warning at the place of a thing, by its kind and name."""
        return CatalogWarning(kind, self.places.of_thing(*thing), message)


def named(names: Iterable[str]) -> str:
    """Return some of the names, and how many more there are."""
    listed = list(names)
    shown = ", ".join(listed[:_MAX_NAMES])
    return shown if len(listed) <= _MAX_NAMES else f"{shown} and {len(listed) - _MAX_NAMES} more"


def takes(placement: Placement, action: Action) -> bool:
    """Tell whether a placement can ever show an action."""
    fits = action.channels is None or not action.channels.isdisjoint(placement.channels)
    return fits and action.type in placement.accepts
