"""What it costs to read and write a person: a household like those of the demo, and its parts one by one.

Run it with `python -m benchmarks.micro.codec`; add `--json` for a machine.
"""

import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack

from benchmarks.interleaved import Candidate, run
from nextbest_models.affinity import AffinityKeys
from nextbest_models.online import FeatureState, OnlineFeatures, StreamEvent
from nextbest_rules import load_catalog
from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Contact
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion, Seen
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.store import keys
from nextbest_service.store.customer_reader import CustomerReader
from nextbest_service.store.customers import ReadPlan
from nextbest_service.store.fact_codec import decode_facts
from nextbest_service.store.feature_codec import FeatureCodec
from nextbest_service.store.found import Found
from nextbest_service.store.keys import Identity, KeyRing
from nextbest_service.store.person_codec import PersonCodec
from nextbest_service.store.record_codec import decode_records, encode_records
from nextbest_service.store.seen_codec import decode_seen, encode_seen

NOW_MS = 1_772_420_400_000
GROCERY = Path(__file__).parents[2] / "rules" / "catalogs" / "grocery"
TRIPS, KEYS_PER_TRIP, KEYS = 60, 8, 250
RING, RANDOM = KeyRing(bytes(32)), random.Random(7)
ONLINE = OnlineFeatures(feature_spec(load_catalog(GROCERY)))
CODEC = PersonCodec(
    RING, FeatureCodec(ONLINE, AffinityKeys(("any", str(key)) for key in range(2000)), b"epoch-01")
)


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    yield from a_household()
    yield from histories()
    yield from ids_of_events()


def a_household() -> Iterator[Candidate]:
    """Yield a whole person, what a decision reads of it, and its parts."""
    anna = Identity("customer", "1234")
    facts = {"campaigns": ["8", "13", "18"], "age": "45-54", "income": "50-74K", "kids_count": "2"}
    portion = Portion(facts=facts, facts_as_of=dict.fromkeys(facts, NOW_MS), features=household_features())
    person = Person((Member(RING.ref(anna), anna, portion=portion),))
    fields = CODEC.changes(None, person).set
    size = sum(len(name) + len(blob) for name, blob in fields.items())
    reader, found = CustomerReader(CODEC), Found((person.head,), person.head, fields)
    features = CODEC.features
    state = features.decode(fields[keys.FEATURES], fields[keys.COUNTERS]) or ONLINE.empty
    plan = ReadPlan(records=())
    group = "read a household"
    yield Candidate(group, "as a decision sees it", size, lambda: reader.customer(found, NOW_MS, plan))
    yield Candidate(group, "for a write", size, lambda: CODEC.decode(person.head, fields))
    part = "parts of a household"
    counters, tallies = fields[keys.COUNTERS], fields[keys.FEATURES]
    yield Candidate(part, "read counters", len(counters), lambda: features.counters(counters))
    yield Candidate(part, "read features", len(tallies), lambda: features.without_counters(tallies))
    yield Candidate(part, "evaluate features", 0, lambda: ONLINE.features(state, NOW_MS))
    group = "features of a household as of now"
    yield Candidate(group, "straight from the bytes", len(tallies), lambda: features.vector(tallies, NOW_MS))
    yield Candidate(
        group,
        "decoded, then evaluated",
        len(tallies),
        lambda: ONLINE.features(features.without_counters(tallies), NOW_MS),
    )
    yield Candidate(part, "read facts", len(fields[keys.FACTS]), lambda: decode_facts(fields[keys.FACTS]))
    yield Candidate(
        part, "read identities", len(fields[keys.IDENTITIES]), lambda: CODEC.members(person.head, fields)
    )
    one_more = portion._replace(features=ONLINE.with_events(state, [trip(0)]))
    changed = person.with_portion(person.head, one_more)
    group = "write a household"
    yield Candidate(group, "after one event", size, lambda: CODEC.changes(person, changed))
    yield Candidate(group, "for the first time", size, lambda: CODEC.changes(None, person))


def histories() -> Iterator[Candidate]:
    """Yield ways of reading contact histories of some lengths."""
    for count in (1, 20, 100):
        contacts = [contact(number) for number in range(count)]
        ours = encode_records("contacts", contacts)
        rows = msgpack.packb([[*one] for one in contacts])
        group = f"read {count} contacts"
        yield Candidate(group, "tables (ours)", len(ours), reading_tables(ours))
        yield Candidate(group, "msgpack rows", len(rows) + 4, reading_rows(rows))


def ids_of_events() -> Iterator[Candidate]:
    """Yield the ids of counted events, of which the last few keep what they added to features."""
    day = NOW_MS // DAY_MS * DAY_MS
    seen = tuple(
        Seen(RANDOM.randbytes(5), RANDOM.randrange(256), day - number // 4 * DAY_MS, counted(number))
        for number in range(200)
    )
    blob = encode_seen(seen)
    yield Candidate("200 counted events", "read", len(blob), lambda: decode_seen(blob))
    yield Candidate("200 counted events", "write", len(blob), lambda: encode_seen(seen))


def household_features() -> FeatureState:
    """Return what is kept of somebody who went shopping often."""
    return ONLINE.with_events(ONLINE.empty, [trip(number) for number in range(TRIPS)])


def trip(number: int) -> StreamEvent:
    """Return one event of the catalog's first stream, with everything that is counted of it."""
    layout = max(ONLINE.layouts, key=lambda layout: len(layout.families))
    values = {name: float(RANDOM.randrange(1, 50)) for name in (*layout.sums, *layout.columns)}
    touches = {
        family: tuple((key, 1.0) for key in sorted(RANDOM.sample(range(KEYS), KEYS_PER_TRIP)))
        for family in layout.families
    }
    return StreamEvent(layout.name, NOW_MS - 1 - number * 3 * DAY_MS, values, touches)


def counted(number: int) -> tuple[StreamEvent, ...]:
    """Return what an event added, which only recent ones keep."""
    return (trip(number),) if number < 4 else ()


def reading_tables(blob: bytes) -> Callable[[], object]:
    """Return the way in which the store reads contacts."""
    return lambda: decode_records("contacts", blob)


def reading_rows(blob: bytes) -> Callable[[], object]:
    """Return the simplest other way: every row with all its texts."""

    def read() -> list[Contact]:
        zlib.crc32(blob)
        return [Contact(*row) for row in msgpack.unpackb(blob, use_list=False)]

    return read


def contact(number: int) -> Contact:
    """Return one of many contacts, newest first."""
    return Contact(
        action=f"gold-card-{number % 5}",
        outcome="DISPLAYED",
        at_ms=NOW_MS - number * 3_600_000,
        channel="web",
        brand="nb-bank",
        type="OFFER",
        issue="cross_sell",
        group="cards",
        decision=RANDOM.randbytes(16).hex(),
    )


if __name__ == "__main__":
    run(
        "Reading and writing a person", candidates, {"msgpack": ".".join(map(str, msgpack.version))}, calls=20
    )
