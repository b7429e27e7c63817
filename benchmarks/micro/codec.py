"""What it costs to read a customer's state: the stored vector beside other ways of keeping 40 numbers.

Run it with `python -m benchmarks.micro.codec`; add `--json` for a machine.
"""

import json
from collections.abc import Iterator
from inspect import signature

import msgpack
import numpy as np

from benchmarks.interleaved import Candidate, run
from nextbest_rules.records import Contact
from nextbest_service.store.codec import (
    StoredCounters,
    StoredVector,
    decode_counters,
    decode_facts,
    decode_vector,
    encode_counters,
    encode_facts,
    encode_vector,
)
from nextbest_service.store.record_codec import decode_records, encode_records

FEATURES = 40
KEYS = 250
CONTACTS = 20
FIELDS = [*signature(Contact).parameters]
NAMES = [f"some_feature_{number}" for number in range(FEATURES)]


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    random = np.random.default_rng(7)
    values = random.normal(size=FEATURES).astype(np.float32)
    by_name = dict(zip(NAMES, values.tolist(), strict=True))
    sealed = encode_vector(StoredVector(b"schema-1", 0, values))
    as_list, as_map, as_json = (
        msgpack.packb(values.tolist()),
        msgpack.packb(by_name),
        json.dumps(by_name).encode(),
    )
    group = f"read {FEATURES} features"
    yield Candidate(group, "sealed float32 (ours)", len(sealed), lambda: decode_vector(sealed))
    yield Candidate(group, "msgpack list", len(as_list), lambda: np.array(msgpack.unpackb(as_list)))
    yield Candidate(group, "msgpack map", len(as_map), lambda: msgpack.unpackb(as_map))
    yield Candidate(group, "JSON", len(as_json), lambda: json.loads(as_json))
    columns = tuple(random.integers(0, 400, KEYS).astype(np.uint16) for _ in range(3))
    counters = encode_counters(StoredCounters(b"dict-tag", 0, np.arange(KEYS, dtype=np.uint16), columns))
    facts = encode_facts(
        {"campaigns": ["8", "13", "18"], "age": "45-54", "income": "50-74K", "kids_count": "2"}
    )
    yield Candidate(
        "read the rest", f"counters of {KEYS} keys", len(counters), lambda: decode_counters(counters)
    )
    yield Candidate("read the rest", "facts", len(facts), lambda: decode_facts(facts))
    yield from history()


def history() -> Iterator[Candidate]:
    """Yield ways of reading a contact history."""
    contacts = [contact(number) for number in range(CONTACTS)]
    sealed = encode_records("contacts", contacts)
    as_maps = msgpack.packb([{name: getattr(one, name) for name in FIELDS} for one in contacts])
    group = f"read {CONTACTS} contacts"
    yield Candidate(group, "sealed rows (ours)", len(sealed), lambda: decode_records("contacts", sealed))
    yield Candidate(
        group, "msgpack maps", len(as_maps), lambda: [Contact(**one) for one in msgpack.unpackb(as_maps)]
    )


def contact(number: int) -> Contact:
    """Return one of many contacts, newest first."""
    return Contact(
        action=f"gold-card-{number % 5}",
        outcome="DISPLAYED",
        at_ms=1_772_420_400_000 - number * 3_600_000,
        channel="web",
        brand="nb-bank",
        type="OFFER",
        issue="cross_sell",
        group="cards",
        decision=f"{number:032x}",
    )


if __name__ == "__main__":
    run("Reading a customer's state", candidates, {"msgpack": ".".join(map(str, msgpack.version))})
