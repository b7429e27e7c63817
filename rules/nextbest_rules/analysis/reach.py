"""Actions that no customer can ever get."""

from collections.abc import Iterator

from nextbest_rules.analysis.study import CatalogWarning, Study, WarningKind, named, takes
from nextbest_rules.catalog import Action
from nextbest_rules.dates import iso
from nextbest_rules.policies import Cap
from nextbest_rules.rulebook import promotions_of
from nextbest_rules.terms import Direction


def unreachable_actions(study: Study) -> Iterator[CatalogWarning]:
    """Find actions that are over, at home nowhere, or stopped for everybody."""
    yield from _over(study)
    for action in study.catalog.actions:
        why = _homeless(study, action) or _shut_off(study, action)
        if why:
            yield study.warn(
                WarningKind.UNREACHABLE_ACTION, ("action", action.id), f"action '{action.id}' {why}"
            )


def _over(study: Study) -> Iterator[CatalogWarning]:
    """Find actions whose time is over, told together where a file has many with the same end."""
    over: dict[tuple[str, int], list[str]] = {}
    for action in study.catalog.actions:
        end_ms = _end_ms(action)
        if end_ms is not None and end_ms <= study.now_ms:
            file = study.places.of_thing("action", action.id).file
            over.setdefault((file, end_ms), []).append(action.id)
    for (_, end_ms), names in over.items():
        verb = "is" if len(names) == 1 else "are"
        message = f"{verb} over: the last validity ended at {iso(end_ms)}"
        yield study.warn(WarningKind.UNREACHABLE_ACTION, ("action", names[0]), f"{named(names)} {message}")


def _end_ms(action: Action) -> int | None:
    """Return when the last validity ends; None for an action without end."""
    ends = [window.until_ms for window in action.valid]
    return max((end for end in ends if end is not None), default=None) if None not in ends else None


def _homeless(study: Study, action: Action) -> str:
    if any(takes(placement, action) for placement in study.catalog.placements.values()):
        return ""
    return "can be shown nowhere: no placement takes its type on its channels"


def _shut_off(study: Study, action: Action) -> str:
    if action.volume_cap == 0:
        return "is never offered: its volume_cap is 0"
    for name, factor in (("lever", action.lever), ("value", action.value)):
        if factor == 0 and not _pinned(study, action) and not _fallback(study, action):
            return f"always has priority 0: its {name} is 0"
    bit = 1 << study.catalog.index[action.id]
    for cap in study.catalog.policies.caps:
        if _always_stops(cap) and study.mask(cap.applies_to) & bit:
            return f"is never offered: cap '{cap.id}' has max 0"
    return ""


def _pinned(study: Study, action: Action) -> bool:
    bit = 1 << study.catalog.index[action.id]
    return any(lift.pin and study.mask(lift.applies_to) & bit for lift in promotions_of(study.catalog))


def _fallback(study: Study, action: Action) -> bool:
    return any(placement.fallback == action.id for placement in study.catalog.placements.values())


def _always_stops(cap: Cap) -> bool:
    return cap.max == 0 and cap.channels is None and cap.directions == frozenset(Direction)
