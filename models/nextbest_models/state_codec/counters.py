"""Sparse counters as Rice codes: a household's 200 keys in some 550 bytes.

Ids are stored as the gaps between them. Last touches share few days: the days are listed once, newest first,
and each key has the place of its own. Totals grow with counts, so a total has the width of its key's count
on top of the common one.
"""

import struct
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters
from nextbest_models.state_codec.rice import pack, width

Ints = NDArray[np.int64]
_HEAD = struct.Struct("<IHH5B")
"""Keys, different days, the newest day; widths of gaps, counts, places, days and totals."""
_LOG2 = np.log2(np.arange(1 << 16), out=np.zeros(1 << 16), where=np.arange(1 << 16) > 0).astype(np.int64)


def encode(counters: AffinityCounters) -> bytes:
    """Return the bytes of counters of at least one key."""
    ids, counts, last_days, totals = (
        column.astype(np.int64) for column in (counters.ids, *counters.statistics)
    )
    newest = int(last_days.max())
    ages = newest - last_days
    is_listed = np.bincount(ages) > 0
    place = (is_listed.cumsum() - 1)[ages]
    columns = (_gaps(ids), counts - 1, place, _gaps(is_listed.nonzero()[0]), totals)
    over = _LOG2[counts]
    widths = [width(column) for column in columns[:-1]] + [width(totals >> over)]
    lengths = [len(column) for column in columns]
    spread = np.repeat(widths, lengths)
    spread[-len(ids) :] += over
    head = _HEAD.pack(len(ids), lengths[3], newest, *widths)
    return head + pack(np.concatenate(columns), spread)


def decode(blob: bytes) -> AffinityCounters:
    """Read counters back.

    Raises:
        ValueError: they are cut off, or nothing that could have been encoded.
        struct.error: they are cut off.
    """
    keys, days, newest, *_ = _HEAD.unpack_from(blob)
    if 4 * keys + days > 8 * len(blob):
        raise ValueError("packed counters are cut off")  # before room is made for so many
    table = np.empty((4, keys), dtype=np.int64)
    if not _kernel()(np.frombuffer(blob, np.uint8), _HEAD.size, days, newest, table):
        raise ValueError("packed counters are cut off")
    return AffinityCounters.of(table)


@cache
def _kernel() -> Callable[..., bool]:
    from nextbest_models.state_codec.unpacking import unpacked  # noqa: PLC0415 - numba is slow to import

    kernel: Callable[..., bool] = unpacked
    return kernel


def _gaps(ascending: Ints) -> Ints:
    """Return how many integers are left out before each of some, beginning with 0."""
    gaps = ascending.copy()
    gaps[1:] -= ascending[:-1] + 1
    return gaps
