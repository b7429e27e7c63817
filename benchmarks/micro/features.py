"""What it costs to keep a household's features: counting events, reading, writing.

Run it with `python -m benchmarks.micro.features`; add `--json` for a machine. The household is a real one
with the median number of affinity keys on 2017-10-30. Times of batches are for the whole batch.
"""

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgpack
import numpy as np
import yaml

from benchmarks.interleaved import Candidate, run
from nextbest_models.affinity import AffinityCounters
from nextbest_models.complete_journey import load_complete_journey
from nextbest_models.features import FeatureSpec
from nextbest_models.online import FeatureState, OnlineFeatures, StreamEvent
from nextbest_models.state_codec import StateCodec

CATALOG = Path(__file__).parents[2] / "rules/catalogs/grocery"
MORNING = 1_509_354_000_000
KEYS_OF_AN_EVENT = {"offer_products": 4, "product_type": 3, "manufacturer": 3}
BATCH = 20


def candidates() -> Iterator[Candidate]:
    """Yield everything that is measured."""
    plain = yaml.safe_load((CATALOG / "features.yaml").read_text())
    online = OnlineFeatures(FeatureSpec.from_declarations(plain["affinities"], plain["features"]))
    log = load_complete_journey().log
    states = list(online.from_snapshot(log, MORNING))
    keys = np.median([len(state.counters.ids) for state in states])
    state = min(states, key=lambda it: abs(len(it.counters.ids) - keys))
    yield from counting(online, state)
    yield from reading(online, state)
    codec = StateCodec(online, log.keys, b"epoch--1")
    features, counters = codec.encode(state)
    group = f"bytes of {len(state.counters.ids)} keys"
    size = len(features) + len(counters)
    yield Candidate(group, "write both", size, lambda: codec.encode(state))
    yield Candidate(group, "read both", size, lambda: codec.decode(features, counters))
    yield Candidate(group, "read features", len(features), lambda: codec.tally(features))
    yield Candidate(group, "read counters", len(counters), lambda: codec.counters(counters))
    yield from alternatives(state.counters)


def counting(online: OnlineFeatures, state: FeatureState) -> Iterator[Candidate]:
    """Yield ways in which events arrive."""
    held = state.counters.ids
    known = _trip(held)
    some_new = _trip(np.concatenate([held[:7], np.setdiff1d(np.arange(2_000), held)[:3]]))
    batch = [_trip(np.roll(held, 10 * place), minute=place) for place in range(BATCH)]
    group = "count events"
    yield Candidate(group, "one of 10 known keys", 0, lambda: online.with_events(state, [known]))
    yield Candidate(group, "one with 3 new keys", 0, lambda: online.with_events(state, [some_new]))
    yield Candidate(group, f"{BATCH} of 10 keys at once", 0, lambda: online.with_events(state, batch))
    yield Candidate(group, "take one back", 0, lambda: online.without_events(state, [known]))


def reading(online: OnlineFeatures, state: FeatureState) -> Iterator[Candidate]:
    """Yield ways of asking for features."""
    group = f"read {len(online.spec.customer_names)} features"
    yield Candidate(group, "of one portion", 0, lambda: online.features(state, MORNING))
    both = online.folded([state, state])
    yield Candidate(group, "of two portions, folded", 0, lambda: online.features(both, MORNING))
    yield Candidate(group, "fold two portions", 0, lambda: online.folded([state, state]))


def alternatives(counters: AffinityCounters) -> Iterator[Candidate]:
    """Yield other ways of keeping the same counters."""
    columns = [column.astype("<u2").tobytes() for column in (counters.ids, *counters.statistics)]
    ways: Mapping[str, bytes] = {
        "bare columns": b"".join(columns),
        "msgpack list of rows": msgpack.packb(
            [column.tolist() for column in (counters.ids, *counters.statistics)]
        ),
        "zlib of columns": zlib.compress(b"".join(columns), 6),
        "zlib of shuffled gaps": zlib.compress(_shuffled(counters), 9),
    }
    for name, blob in ways.items():
        read = zlib.decompress if name.startswith("zlib") else bytes
        yield Candidate("other ways for counters", name, len(blob), lambda blob=blob, read=read: read(blob))


def _shuffled(counters: AffinityCounters) -> bytes:
    """Return small differences instead of values, all low bytes before all high bytes."""
    ids, counts, days, totals = (column.astype(np.int64) for column in (counters.ids, *counters.statistics))
    _, place = np.unique(days.max() - days, return_inverse=True)
    columns = (np.diff(ids, prepend=-1) - 1, counts - 1, place, totals)
    return b"".join(it.astype("<u2").view(np.uint8).reshape(-1, 2).T.tobytes() for it in columns)


def _trip(keys: np.ndarray, minute: int = 0) -> StreamEvent:
    ids = iter(keys.tolist())
    return StreamEvent(
        "trips",
        MORNING + 60_000 * minute,
        {"spend": 31.4, "lines": 12.0, "retail_discount": 2.5, "coupon_lines": 0.0, "with_coupon": 0.0},
        {family: tuple((next(ids), 3.14) for _ in range(size)) for family, size in KEYS_OF_AN_EVENT.items()},
    )


if __name__ == "__main__":
    run("Keeping a household's features", candidates, {"numpy": np.__version__}, rounds=101, calls=50)
