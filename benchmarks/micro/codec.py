"""What it costs to read a customer's state: the stored vector beside other ways of keeping 40 numbers.

Run it with `python -m benchmarks.micro.codec`; add `--json` for a machine.
"""

import json
from collections.abc import Iterator

import msgpack
import numpy as np

from benchmarks.interleaved import Candidate, run
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

FEATURES = 40
KEYS = 250
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


if __name__ == "__main__":
    run("Reading a customer's state", candidates, {"msgpack": ".".join(map(str, msgpack.version))})
