"""Check each action: declared attributes and families, windows and treatments that do not collide."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from nextbest_rules.dates import end_ms, start_ms
from nextbest_rules.loading.references.faults import (
    Faults,
    Roots,
    action_nodes,
    address,
    fault_at,
    unknown_name,
)
from nextbest_rules.loading.references.names import Known, Names
from nextbest_rules.loading.references.selectors import attribute_faults
from nextbest_rules.loading.yaml_nodes import (
    MappingNode,
    Node,
    Place,
    ScalarNode,
    SequenceNode,
    child,
    each,
    plain,
    text_of,
)


def check_actions(roots: Roots, names: Names) -> Faults:
    """Yield the faults within actions."""
    for file, action in action_nodes(roots):
        yield from attribute_faults(file, child(action, "attributes"), names.attributes)
        yield from _families(file, child(action, "affinity"), names.families)
        valid = child(action, "valid")
        if isinstance(valid, SequenceNode):
            yield from _overlaps(file, valid)
        if child(action, "treatments") is not None:
            yield from _treatments(file, action, names.channels)


def _families(file: str, affinity: Node | None, families: Known) -> Faults:
    if isinstance(affinity, MappingNode):
        message = "affinity family '{}' is not declared in features.yaml"
        for family, place in affinity.keys.items():
            yield from unknown_name(file, place, family, families, message)


# --- validity


@dataclass(frozen=True, slots=True)
class _Window:
    from_ms: float
    until_ms: float
    place: Place


def _overlaps(file: str, valid: SequenceNode) -> Faults:
    """Yield a fault for each window that overlaps another, at the later one of the file."""
    windows = sorted(_windows(valid), key=lambda window: window.from_ms)
    longest: _Window | None = None
    for window in windows:
        if longest is not None and window.from_ms < longest.until_ms:
            first, second = sorted((longest.place, window.place))
            yield fault_at(file, second, f"overlaps the window at {address(file, first)}")
        if longest is None or window.until_ms > longest.until_ms:
            longest = window


def _windows(valid: SequenceNode) -> Iterator[_Window]:
    """Yield the windows that can be read. The faults of the others are reported elsewhere."""
    for node in valid.items:
        start = _instant(child(node, "from"), start_ms, float("-inf"))
        end = _instant(child(node, "until"), end_ms, float("inf"))
        if start is not None and end is not None and start < end:
            yield _Window(start, end, node.place)


def _instant(node: Node | None, read: Callable[[str], int], absent: float) -> float | None:
    if node is None:
        return absent
    try:
        return read(str(plain(node)))
    except ValueError:
        return None


# --- treatments


def _treatments(file: str, action: MappingNode, declared: Known) -> Faults:
    own = _texts(action, "channels")
    channels = own if own is not None else declared
    claims: dict[tuple[str, str | None], Place] = {}
    for treatment in each(action, "treatments.*"):
        if not isinstance(treatment, MappingNode):
            continue
        if own is not None:
            yield from _foreign_channels(file, treatment, own)
        yield from _claims(file, treatment, channels or frozenset(), claims)


def _foreign_channels(file: str, treatment: MappingNode, own: frozenset[str]) -> Faults:
    for node in each(treatment, "channels.*"):
        if isinstance(node, ScalarNode) and node.text not in own:
            yield fault_at(file, node.place, f"the action is not for channel '{node.text}'")


def _claims(
    file: str, treatment: MappingNode, channels: frozenset[str], claims: dict[tuple[str, str | None], Place]
) -> Faults:
    """Yield a fault if another treatment claims the same channel in the same locale.

    One without locales is for those that no other treatment is for, so it collides only with its like.
    """
    named = text_of(treatment, "id")
    place = named.place if named is not None else treatment.place
    wanted, locales = _texts(treatment, "channels"), _texts(treatment, "locales")
    own_channels = channels if wanted is None else wanted
    for channel, locale in product(sorted(own_channels), [None] if locales is None else sorted(locales)):
        first = claims.setdefault((channel, locale), place)
        if first is not place:
            claim = f"{channel} in {'every locale' if locale is None else locale}"
            yield fault_at(file, place, f"claims {claim}, as the treatment at {address(file, first)} does")
            return


def _texts(owner: MappingNode, key: str) -> frozenset[str] | None:
    if child(owner, key) is None:
        return None
    return frozenset(node.text for node in each(owner, f"{key}.*") if isinstance(node, ScalarNode))
