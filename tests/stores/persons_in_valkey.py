"""Persons in a real Valkey, and shoppers who leave one purchase each: easy to count."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from flaky_store import FlakyStore

from nextbest_models.affinity import AffinityKeys
from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_rules.catalog import Namespace
from nextbest_rules.records import Purchase
from nextbest_service.clock import StoreClock
from nextbest_service.customers.books import Books
from nextbest_service.customers.linking import Linking
from nextbest_service.customers.naming import Naming
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Portion
from nextbest_service.customers.settling import settled
from nextbest_service.store.connection import Store, connect
from nextbest_service.store.feature_codec import FeatureCodec
from nextbest_service.store.keys import Identity, KeyRing
from nextbest_service.store.links import Links
from nextbest_service.store.people import People
from nextbest_service.store.person_codec import PersonCodec
from nextbest_service.store.person_hashes import PersonHashes
from nextbest_service.store.updates import Update

FEATURES = OnlineFeatures(FeatureSpec.from_declarations([], []))
NAMESPACES = {
    "customer": Namespace("customer", one_per_person=True),
    "cookie": Namespace("cookie", anonymous=True),
}


@dataclass
class World:
    """Persons in a store that can be made to lose replies or to stop."""

    store: Store
    flaky: FlakyStore
    naming: Naming
    people: People
    links: Links

    @classmethod
    def at(cls, url: str, books: Books | None = None) -> "World":
        """Return the world of a store, with the features of some books, by which persons are settled, too."""
        store = connect(url, 2000)
        features = books.features if books else FEATURES
        flaky, ring = FlakyStore(store), KeyRing(bytes(32))
        naming = Naming(ring, NAMESPACES, {name: rank for rank, name in enumerate(NAMESPACES)})
        people = People(
            hashes=PersonHashes(flaky, ring, StoreClock()),  # type: ignore[arg-type]
            naming=naming,
            codec=PersonCodec(ring, FeatureCodec(features, AffinityKeys(), bytes(8))),
            linking=Linking(features, frozenset({"customer"})),
            settle=partial(settled, books) if books else lambda person, _: person,
        )
        return cls(store, flaky, naming, people, Links(people))

    def lose_replies(self, share: float) -> None:
        """Lose a share of the replies from now on."""
        self.flaky.share = share

    def stop_after(self, writes: int) -> None:
        """Let the process end after some more batches of writes; the last one runs."""
        self.flaky.stop_after = writes

    def come_first(self, place: int, somebody: Callable[[], Awaitable[object]]) -> None:
        """Let somebody else do something before the batch of commands at a place, counted from now on."""
        self.flaky.first[place] = somebody

    def go_on(self) -> None:
        """Start again."""
        self.flaky.stop_after = None

    async def person(self, name: Identity) -> Person | None:
        """Return the person behind a name."""
        person, _ = await self.people.person(self.naming.who([name]).refs[0])
        return person

    async def everything_bought(self, names: Sequence[Identity]) -> list[str]:
        """Return all products that anybody behind these names bought, each as often as it is on record."""
        portions: dict[bytes, Portion] = {}
        for name in names:
            person = await self.person(name)
            for member in person.members if person else ():
                if member.portion.purchases:  # a half-done link shows to those who come by the weaker name
                    portions[member.ref] = member.portion
        return sorted(it.product for portion in portions.values() for it in portion.purchases)

    async def keys(self) -> list[bytes]:
        """Return all keys of the store."""
        replies = await self.store.nodes.send_everywhere(("KEYS", "*"))
        return [key for found in replies for key in found]

    async def flush_scripts(self) -> None:
        """Make the server forget its scripts."""
        await self.store.nodes.send_everywhere(("SCRIPT", "FLUSH"))


def buy(world: World, names: Sequence[Identity], product: str) -> Update[str]:
    """Return the update by which somebody buys a product, once however often it is applied."""
    who = world.naming.who(names)

    def change(person: Person, _now_ms: int) -> tuple[Person, str]:
        if any(it.product == product for portion in person.portions for it in portion.purchases):
            return person, product
        origin = next((ref for ref in who.refs if any(it.ref == ref for it in person.members)), person.head)
        portion = person.portion(origin)
        purchases = (*portion.purchases, Purchase(product, at_ms=1))
        return person.with_portion(origin, portion._replace(purchases=purchases)), product

    return Update(who.refs, who.names, change)


async def bought(world: World, name: Identity) -> list[str]:
    """Return the products that the person behind a name bought."""
    person = await world.person(name)
    return sorted(it.product for portion in person.portions for it in portion.purchases) if person else []
