"""Customers with states of the size that real ones have, and the quickest honest way to store a million."""

import random
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.growth.catalog_files import COLOURS, FAMILIES, FLAGS, NAMESPACE, NUMBERS, TEXTS
from nextbest_models.affinity import AffinityKeys
from nextbest_models.online import OnlineFeatures, StreamEvent
from nextbest_rules import Action
from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Contact
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.store import keys
from nextbest_service.store.keys import Identity, KeyRing, person_key
from nextbest_service.store.member_codec import encode_members
from nextbest_service.store.person_codec import PersonCodec
from nextbest_service.store.person_hashes import fresh_version

TRIPS, CATEGORIES_PER_TRIP, CONTACT_DAYS = 15, 4, 60
STATES = 500
"""How many different states a population has; who is who differs for everybody."""
COMMANDS_PER_WRITE = 2_000


@dataclass(frozen=True, slots=True)
class Society:
    """What it takes to draw customers: the catalog's actions, its features and the affinity dictionary.

    `reach` of 1,000 is up to the level of every action.
    """

    actions: Sequence[Action]
    features: OnlineFeatures
    affinities: AffinityKeys
    now_ms: int
    contacts: int
    reach: int

    def person(self, ring: KeyRing, number: int) -> Person:
        """Return a customer: the same one whenever asked for."""
        identity = name_of(number)
        return Person((Member(ring.ref(identity), identity, portion=self._portion(number)),))

    def _portion(self, number: int) -> Portion:
        chance = random.Random(number)
        state = self.features.with_events(self.features.empty, [*self._trips(chance)])
        return Portion(
            facts={"reach": self.reach, **_facts(chance)},
            contacts=self._contacts(chance),
            features=state,
        )

    def _trips(self, chance: random.Random) -> Iterator[StreamEvent]:
        for _ in range(TRIPS):
            at_ms = self.now_ms - round(chance.uniform(0, 300) * DAY_MS)
            touches = {family: self._touches(chance, family, size) for family, size in FAMILIES.items()}
            spend = sum(amount for _, amount in touches["category"])
            yield StreamEvent("trips", at_ms, {"spend": spend, "lines": 4.0}, touches)

    def _touches(self, chance: random.Random, family: str, size: int) -> tuple[tuple[int, float], ...]:
        names = [f"{family}-{key}" for key in chance.sample(range(size), CATEGORIES_PER_TRIP)]
        ids = self.affinities.ids_for(family, names).tolist()
        return tuple((id_, round(chance.uniform(1, 20), 2)) for id_ in sorted(ids) if id_ >= 0)

    def _contacts(self, chance: random.Random) -> tuple[Contact, ...]:
        ages = sorted(round(chance.uniform(0.01, CONTACT_DAYS) * DAY_MS) for _ in range(self.contacts))
        return tuple(self._contact(chance, self.now_ms - age) for age in ages)

    def _contact(self, chance: random.Random, at_ms: int) -> Contact:
        action = chance.choice(self.actions)
        kind = (action.type.value, action.issue, action.group)
        return Contact(action.id, "DELIVERED", at_ms, "email", "", *kind, chance.randbytes(16).hex())


class _State(NamedTuple):
    """Fields of a person, as they are sent: how many words, and these."""

    words: int
    sent: bytes


def name_of(number: int) -> Identity:
    """Return the name of a customer."""
    return Identity(NAMESPACE, f"customer-{number}")


def store_many(url: str, codec: PersonCodec, society: Society, numbers: Iterable[int]) -> None:
    """Write customers who share a few states, each under a name of their own.

    The commands are what the bulk loader sends, but they are put together from ready parts and streamed to
    the socket: a million customers in half a minute. Replies are counted, for an error is one, too.
    """
    states = [_state(codec, society.person(codec.ring, number)) for number in range(STATES)]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(urlsplit(url).path)
        waiting = iter(numbers)
        while batch := [*islice(waiting, COMMANDS_PER_WRITE)]:
            connection.sendall(b"".join(_command(codec, states[number % STATES], number) for number in batch))
            _await_replies(connection, len(batch))


def _facts(chance: random.Random) -> dict[str, object]:
    facts: dict[str, object] = {f"n{place}": chance.randint(20, 90) for place in range(NUMBERS)}
    facts |= {f"t{place}": chance.choice(COLOURS) for place in range(TEXTS)}
    facts |= {f"b{place}": chance.random() < 0.7 for place in range(FLAGS)}
    return facts | {"tags": [f"x{place}-{place}" for place in range(chance.randrange(6))]}


def _words(fields: Mapping[bytes, bytes]) -> list[bytes]:
    return [_bulk(word) for item in fields.items() for word in item]


def _state(codec: PersonCodec, person: Person) -> _State:
    """Return all fields that do not tell who it is, ready to be sent."""
    fields = codec.changes(None, person).set
    words = _words({name: blob for name, blob in fields.items() if name != keys.IDENTITIES})
    return _State(len(words), b"".join(words))


def _command(codec: PersonCodec, state: _State, number: int) -> bytes:
    identity = name_of(number)
    ref = codec.ring.ref(identity)
    own = {keys.IDENTITIES: encode_members([Member(ref, identity)]), keys.VERSION: fresh_version(number)}
    words = [_bulk(b"HSET"), _bulk(person_key(ref)), *_words(own)]
    return b"*%d\r\n" % (len(words) + state.words) + b"".join(words) + state.sent


def _bulk(word: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(word), word)


def _await_replies(connection: socket.socket, count: int) -> None:
    while count:
        received = connection.recv(1 << 16)
        if not received or b"-" in received:
            raise RuntimeError(f"the store refused customers: {received[:200]!r}")
        count -= received.count(b"\n")
