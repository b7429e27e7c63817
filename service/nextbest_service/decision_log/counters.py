"""Counters as records keep them: bytes that deflate well, and are made in little time."""

import numpy as np

from nextbest_models.affinity import AffinityCounters, smallest
from nextbest_service.decision_log.entries import LogFormatError

_COLUMNS = 4
_FIGURE_BYTES = 4
_DAY_BYTES = 2


def pack_counters(counters: AffinityCounters) -> bytes:
    """Return counters as bytes, none of no counters.

    The newest day, then gaps between ids, counts, days before the newest, and totals: all lowest bytes first,
    then the next ones, which are mostly zeros. A Rice code is 3 % of a record smaller and takes ten times as
    long.
    """
    if not len(counters.ids):
        return b""
    newest = counters.last_days.max()
    figures = np.empty((_COLUMNS, len(counters.ids)), dtype="<u4")
    figures[0] = counters.ids
    figures[0, 1:] -= counters.ids[:-1]
    figures[1], figures[2], figures[3] = counters.counts, newest - counters.last_days, counters.totals
    planes = figures.view(np.uint8).reshape(-1, _FIGURE_BYTES).T
    return int(newest).to_bytes(_DAY_BYTES, "little") + planes.tobytes()


def read_counters(packed: bytes) -> AffinityCounters:
    """Return the counters that were packed as these bytes.

    Raises:
        LogFormatError: they are none.
    """
    if not packed:
        return AffinityCounters.empty()
    size, rest = divmod(len(packed) - _DAY_BYTES, _COLUMNS * _FIGURE_BYTES)
    if size < 1 or rest:
        raise LogFormatError("the counters of a decision cannot be read")
    planes = np.frombuffer(packed, np.uint8, offset=_DAY_BYTES).reshape(_FIGURE_BYTES, -1)
    figures = np.ascontiguousarray(planes.T).view("<u4").reshape(_COLUMNS, size).astype(np.int64)
    newest = int.from_bytes(packed[:_DAY_BYTES], "little")
    columns = (figures[1], newest - figures[2], figures[3])
    return AffinityCounters(smallest(figures[0].cumsum()), *(column.astype(np.uint16) for column in columns))
