"""Records of decisions as earlier versions wrote them: deflated, with the figures in lists of their own."""

import zlib
from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from nextbest_rules.assignment import CHAMPION
from nextbest_service.decision_log.compression import UTC_DATETIMES
from nextbest_service.decision_log.counters import read_counters
from nextbest_service.decision_log.entries import LogFormatError, completed
from nextbest_service.decision_log.figures import Competition, Floats
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.masks import flags_in, rows_of

FIELDS = 12
"""What a record says, since there is Zstandard."""
FIGURES = 4
"""Where in it the figures are."""
_OLDEST_FIELDS = 11
_LATER_FIELDS: Sequence[object] = (None, ({}, CHAMPION, (), b""))


def earlier_content(packed: bytes, legend: Legend) -> Sequence[Any]:
    """Return what a record says, in today's order, with its figures read.

    Raises:
        LogFormatError: it is damaged, or written by a version that knows more than this one.
    """
    inflate = zlib.decompressobj(-15, zdict=legend.words)
    try:
        plain = inflate.decompress(packed) + inflate.flush()
        content: Sequence[Any] = msgpack.unpackb(plain, timestamp=UTC_DATETIMES)
    except (zlib.error, ValueError, TypeError, msgpack.UnpackException) as error:
        raise LogFormatError("the record of a decision cannot be read") from error
    if not isinstance(content, list) or len(content) < _OLDEST_FIELDS:
        raise LogFormatError("the record of a decision has an unknown form")
    *first, scored, tried = completed(content, _OLDEST_FIELDS, _LATER_FIELDS)
    brand, goal = first[1][2:4]
    counters = None if scored is None else read_counters(scored[0])
    maturity = b"\0" if scored is None else scored[1]
    first[FIGURES] = _competition(first[FIGURES], maturity, legend, legend.levers[brand, goal]), counters
    return [*first, tried]


def _competition(content: Sequence[Any], maturity: bytes, legend: Legend, levers: Floats) -> Competition:
    mask, propensity, values, own_levers, weights, pinned = content
    rows = rows_of(mask, len(legend.actions))
    return Competition(
        rows=rows,
        propensity=np.frombuffer(propensity, "<f4"),
        value=_with(legend.values[rows], values),
        lever=_with(levers[rows], own_levers),
        context_weight=_with(np.ones(len(rows), dtype=np.float32), weights),
        pinned=flags_in(pinned, len(rows)),
        maturity=_maturity(maturity, len(rows)),
    )


def _maturity(content: bytes, size: int) -> NDArray[np.int8]:
    """Return the maturity of each candidate; a single one stands for all."""
    found = np.frombuffer(content, np.int8)
    return np.repeat(found, size) if len(found) == 1 else found


def _with(declared: Floats, differences: Sequence[bytes]) -> Floats:
    if not differences:
        return declared
    flags, own = differences
    figures = declared.copy()
    figures[flags_in(flags, len(declared))] = np.frombuffer(own, "<f4")
    return figures
