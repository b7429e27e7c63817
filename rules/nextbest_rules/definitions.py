"""What the names of conditions and segments mean, and which of them lead round in a circle."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from nextbest_rules.cel import Mention


@dataclass(frozen=True, slots=True)
class Definition:
    """A name that expressions may use: it holds while `when` does, in CEL, and that of none of `unless`."""

    when: str
    unless: tuple[Mention, ...] = ()


def definitions(
    conditions: Iterable[tuple[str, str]], segments: Iterable[tuple[str, str, str]]
) -> dict[Mention, Definition]:
    """Return what `conditions.<name>` and `segments.<id>` mean.

    Args:
        conditions: name and condition of each named condition.
        segments: id, condition and exclusive set of each segment, in their order; "" is no set.
    """
    found = {Mention("conditions", name): Definition(when) for name, when in conditions}
    listed = tuple(segments)
    for place, (name, when, group) in enumerate(listed):
        later = [other for other, _, its_group in listed[place + 1 :] if group and its_group == group]
        found[Mention("segments", name)] = Definition(when, tuple(Mention("segments", it) for it in later))
    return found


def users_last(uses: Mapping[Mention, Sequence[Mention]]) -> list[Mention]:
    """Return the names, each after those that it uses, without those that lead into a circle."""
    sorter, order = TopologicalSorter(uses), list[Mention]()
    with suppress(CycleError):
        sorter.prepare()
    while ready := sorter.get_ready():
        order += ready
        sorter.done(*ready)
    return order


def way_round(start: Mention, uses: Mapping[Mention, Sequence[Mention]]) -> tuple[Mention, ...]:
    """Return the shortest way from a name back to itself, or nothing if there is none."""
    came_from: dict[Mention, Mention] = {}
    reached = [start]
    for name in reached:
        for used in uses.get(name, ()):
            if used == start:
                return _trace(start, name, came_from)
            if used not in came_from:
                came_from[used] = name
                reached.append(used)
    return ()


def _trace(start: Mention, last: Mention, came_from: Mapping[Mention, Mention]) -> tuple[Mention, ...]:
    way = [start, last]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
