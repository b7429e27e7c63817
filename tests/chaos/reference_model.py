"""What the catalog `remembered` means, in plain Python: no store, no cache, no bitmask, no faults.

A person is a set of names. What came in under a name stays with it; a person has what all its names have.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Name: TypeAlias = str
Token: TypeAlias = str

CAP = 2
OFFERS = ("best", "second", "third")
"""In the order in which they are offered, unless a reload makes the last one dear."""
DEAR_THIRD = ("third", "best", "second")
NOTE = "note"


@dataclass
class Portion:
    """What came in under one name."""

    orders: dict[str, float] = field(default_factory=dict)
    """Amount by the id of the event."""
    taken: dict[Token, str] = field(default_factory=dict)
    """The offers that were proposed and not given back, reserved or shown."""
    refused: set[str] = field(default_factory=set)
    clicks: set[str] = field(default_factory=set)
    """The ids of the outcomes."""
    consent: tuple[int, bool] = (0, False)
    """When it was said, and what."""
    tag: tuple[int, str] = (0, "")
    told: bool = False
    """Whether anything is known but what was proposed and what came of it."""


@dataclass
class Reference:
    """Everybody, as they should be."""

    order: tuple[str, ...] = OFFERS
    portions: dict[Name, Portion] = field(default_factory=dict)
    groups: list[set[Name]] = field(default_factory=list)

    def person(self, name: Name) -> set[Name]:
        """Return all names of a person."""
        return next((group for group in self.groups if name in group), {name})

    def parts(self, name: Name) -> Iterator[Portion]:
        """Yield what is known of a person, name by name."""
        for member in self.person(name):
            yield self.portions.setdefault(member, Portion())

    def portion(self, name: Name) -> Portion:
        """Return what came in under a name."""
        return self.portions.setdefault(name, Portion())

    def offered(self, name: Name) -> list[str]:
        """Return all that a person may be offered, best first."""
        parts = [*self.parts(name)]
        taken = Counter(offer for part in parts for offer in part.taken.values())
        refused = {offer for part in parts for offer in part.refused}
        _, yes = max(part.consent for part in parts)
        open_ = [it for it in self.order if taken[it] < CAP and it not in refused and yes]
        return [*open_, NOTE]

    def known(self, name: Name) -> bool:
        """Return whether anything is known of a person."""
        return any(part.told for part in self.parts(name))

    def figures(self, name: Name) -> dict[str, float]:
        """Return the features of a person: each event counts once, under however many names it came."""
        parts = [*self.parts(name)]
        orders = {id_: amount for part in parts for id_, amount in part.orders.items()}
        clicks = set().union(*(part.clicks for part in parts))
        return {
            "orders": float(len(orders)),
            "spent": float(sum(orders.values())),
            "clicks": float(len(clicks)),
        }

    def tag(self, name: Name) -> str:
        """Return what was written last about a person."""
        return max(part.tag for part in self.parts(name))[1]

    def link(self, one: Name, other: Name) -> None:
        """Make one person of two."""
        both = self.person(one) | self.person(other)
        self.groups = [group for group in self.groups if not group & both]
        if len(both) > 1:
            self.groups.append(both)
        for name in (one, other):
            self.portion(name).told = True

    def unlink(self, name: Name) -> None:
        """Make a name a person of its own."""
        for group in self.groups:
            group.discard(name)
        self.groups = [group for group in self.groups if len(group) > 1]

    def erase(self, name: Name) -> set[Name]:
        """Forget a person, and return the names it had."""
        gone = self.person(name)
        self.groups = [group for group in self.groups if group is not gone]
        for member in gone:
            self.portions.pop(member, None)
        return gone
