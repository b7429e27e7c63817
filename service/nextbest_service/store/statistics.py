"""How much memory customers take in the store, and what for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean, quantiles
from typing import Any, cast

from nextbest_service.store import keys
from nextbest_service.store.connection import SyncClient

SCAN_BATCH = 1000
PERSON_KEYS = "nb:{" + "?" * (keys.REF_BYTES * 8 // 6) + "}"
PARTS: Mapping[bytes, str] = {
    keys.VERSION: "version",
    keys.IDENTITIES: "identities",
    keys.SEGMENTS: "segments",
    keys.POINTER: "pointer",
    keys.FEATURES: "features",
    keys.COUNTERS: "counters",
    keys.FACTS: "facts",
    keys.SEEN: "seen",
    keys.RESERVATIONS: "reservations",
    **{field: part for part, field in keys.RECORD_FIELDS.items()},
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many bytes things of one kind take: half of them at most `median`, nine of ten `p90`."""

    median: int
    p90: int
    max: int
    mean: float

    @classmethod
    def of(cls, sizes: Sequence[int]) -> "Sizes":
        """Return the summary of some sizes; all zero where there are none."""
        if not sizes:
            return cls(0, 0, 0, 0.0)
        tenths = quantiles(sizes, n=10, method="inclusive") if len(sizes) > 1 else [*sizes] * 9
        return cls(round(tenths[4]), round(tenths[8]), max(sizes), fmean(sizes))


@dataclass(frozen=True, slots=True)
class CustomerStatistics:
    """What is stored of customers. `pointers` are further names of persons.

    `person` is the memory of one person as the server reports it, key and overhead included, over `sampled`
    of them. `parts` says how many bytes of it each part takes, persons without the part included, and
    `overhead` is what the parts do not account for. `estimated_bytes` is for all persons together.
    """

    persons: int
    pointers: int
    sampled: int
    person: Sizes
    parts: Mapping[str, Sizes]
    overhead: Sizes

    @property
    def estimated_bytes(self) -> int:
        """The memory of all persons, going by the sample."""
        return round(self.person.mean * self.persons)


@dataclass(frozen=True, slots=True)
class _Measured:
    memory: int
    parts: Counter[str]


def customer_statistics(client: SyncClient, sample: int) -> CustomerStatistics:
    """Look at every customer's key, and at the memory of some persons.

    Scans the whole store, in small steps that let other commands through.
    """
    chosen, persons, pointers = list[bytes](), 0, 0
    for key, is_pointer in _customers(client):
        pointers += is_pointer
        persons += not is_pointer
        # Keys are digests: the first ones of a scan are as good as drawn by lot.
        if not is_pointer and len(chosen) < sample:
            chosen.append(key)
    measured = [*_measured(client, chosen)]
    names = sorted({name for one in measured for name in one.parts})
    return CustomerStatistics(
        persons=persons,
        pointers=pointers,
        sampled=len(measured),
        person=Sizes.of([one.memory for one in measured]),
        parts={name: Sizes.of([one.parts[name] for one in measured]) for name in names},
        overhead=Sizes.of([one.memory - one.parts.total() for one in measured]),
    )


def _customers(client: SyncClient) -> Iterator[tuple[bytes, bool]]:
    """Yield the key of every customer, and whether it is a mere pointer."""
    found = cast("Iterable[bytes]", client.scan_iter(match=PERSON_KEYS, count=SCAN_BATCH))
    for batch in _batches(found):
        pipeline = cast("Any", client.pipeline(transaction=False))
        for key in batch:
            pipeline.hexists(key, keys.POINTER)
        yield from zip(batch, pipeline.execute(), strict=True)


def _measured(client: SyncClient, chosen: Iterable[bytes]) -> Iterator[_Measured]:
    for batch in _batches(iter(chosen)):
        pipeline = cast("Any", client.pipeline(transaction=False))
        for key in batch:
            pipeline.execute_command("MEMORY USAGE", key, "SAMPLES", 0)
            pipeline.hgetall(key)
        results = iter(pipeline.execute())
        for memory, fields in zip(results, results, strict=True):
            if memory is not None:  # else the person was erased meanwhile
                yield _Measured(memory, _parts(fields))


def _parts(fields: Mapping[bytes, bytes]) -> Counter[str]:
    """Return the bytes of each part, names of fields included, over all identities."""
    sizes: Counter[str] = Counter()
    for name, value in fields.items():
        sizes[PARTS.get(name[:1], "unknown")] += len(name) + len(value)
    return sizes


def _batches(items: Iterable[bytes]) -> Iterator[list[bytes]]:
    waiting = iter(items)
    while batch := [*islice(waiting, SCAN_BATCH)]:
        yield batch
