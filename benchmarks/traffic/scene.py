"""What can be asked of a service: read off its catalog, for the contract has no call yet that tells."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nextbest.v1 import decision_pb2, identity_pb2, value_pb2
from nextbest_rules import Catalog, Direction, Placement, load_catalog
from nextbest_rules.declarations import Schema, ValueType
from nextbest_service.catalogs import find_catalog

CALL_CENTRE = "call_centre"
WORDS: Mapping[str, Sequence[str]] = {
    "page": ("home", "search", "product", "cart", "checkout"),
    "device": ("desktop", "phone", "tablet"),
    "daypart": ("morning", "afternoon", "evening", "night"),
}
"""What callers say of the context. Names that a catalog does not declare are left out."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The parts of a catalog that traffic is made of.

    `customers` are ids in the namespace `known`; `anonymous` is the namespace of visitors, and the same where
    the catalog has none for them.
    """

    web: Mapping[str, Sequence[Placement]]
    contact_centre: Placement
    outbound: Sequence[Placement]
    known: str
    anonymous: str
    customers: Sequence[str]
    context: Schema

    @classmethod
    def of(cls, catalog: Catalog, customers: Sequence[str]) -> "Scene":
        """Return what a catalog offers to callers, as close to its own channels as it goes.

        Raises:
            ValueError: it has no placement for customers who are here, or no namespace for customers.
        """
        inbound = [it for it in catalog.placements.values() if it.direction is Direction.INBOUND]
        outbound = [it for it in catalog.placements.values() if it.direction is Direction.OUTBOUND]
        names = {it.name: it.anonymous for it in catalog.namespaces}
        if not inbound:
            raise ValueError(f"catalog '{catalog.name}' has no inbound placement")
        known = [name for name, anonymous in names.items() if not anonymous]
        if not known:
            raise ValueError(f"catalog '{catalog.name}' has no namespace for customers")
        agents = [it for it in inbound if CALL_CENTRE in it.channels]
        return cls(
            web=_by_channel([it for it in inbound if it not in agents] or inbound),
            contact_centre=(agents or inbound)[0],
            outbound=outbound or inbound,
            known=known[0],
            anonymous=next((name for name, anonymous in names.items() if anonymous), known[0]),
            customers=customers,
            context=catalog.context,
        )

    @classmethod
    def read(cls, name_or_path: str, customers: Sequence[str]) -> "Scene":
        """Return the scene of a catalog by its shipped name or its directory.

        Raises:
            CatalogError, StartupError, ValueError: there is no such catalog, it is broken, or nobody can ask.
        """
        return cls.of(load_catalog(find_catalog(name_or_path)), customers)

    def customer(self) -> identity_pb2.Identity:
        """Return somebody who is known by name."""
        return identity_pb2.Identity(namespace=self.known, id=random.choice(self.customers))

    def visitor(self, number: int) -> identity_pb2.Identity:
        """Return somebody of whom there is a cookie only."""
        return identity_pb2.Identity(namespace=self.anonymous, id=f"visitor-{number}")

    def moment(self) -> decision_pb2.DecideRequest:
        """Return a request that tells the context of a moment, and nothing else yet."""
        request = decision_pb2.DecideRequest()
        for name, declared in self.context.declarations.items():
            _tell(request.context, name, declared.type)
        return request


def limit_of(placement: Placement) -> int:
    """Return how many propositions to ask for: what fits on a page, and never more than the catalog lets."""
    return min(placement.max_limit, random.choice((1, 3, placement.default_limit)))


def _by_channel(placements: Sequence[Placement]) -> Mapping[str, Sequence[Placement]]:
    """Return placements by channel: those of one channel can be asked for together."""
    channels = dict.fromkeys(channel for it in placements for channel in it.channels)
    return {channel: [it for it in placements if channel in it.channels] for channel in channels}


def _tell(context: value_pb2.Context, name: str, type_: ValueType) -> None:
    match type_:
        case ValueType.STRING:
            context.strings[name] = random.choice(WORDS.get(name, ("one", "two", "three")))
        case ValueType.INT:
            context.numbers[name] = random.randint(0, 23)
        case ValueType.DOUBLE:
            context.numbers[name] = round(random.uniform(0, 40), 1)
        case ValueType.BOOL:
            context.flags[name] = random.random() < 0.5
        case _:
            pass  # what is not told is unknown, which rules must bear anyway
