"""The features of a portion in one pass over its bytes, as `tallies` writes them and `measures` reads them.

Whatever this does not know, and whatever cannot be right, it leaves to these two.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.scoring.compiling import compiled

Octets = NDArray[np.uint8]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# What kernels are compiled with stands in this file, because numba's cache sees no change of any other.
EVENTS, SUM, WINDOW, WINDOW_SUM, DECAY, RECENCY, TENURE, DIFFERENT, RATIO, WEIGHTED, ABSENT = range(11)
FIRST, SUMS, DECAYS, SINGLES, COLUMNS, MARKS = range(6)
KIND, STREAM, SLOT, WINDOW_MS, HALF_LIFE, DEFAULT = range(6)
PART, WEIGHT = range(2)
FOR_EVER = -1
_OVER, _UNDER = STREAM, SLOT
_BEGIN, _END = STREAM, SLOT
_DAY_MS = 86_400_000
_SECOND_MS = 1_000
_MOST_SHIFT, _WIDEST = 49, 7
_FLOATS, _WHOLES, _HUNDREDTHS = range(3)
WIDTH = 6
"""The cells of a plan's row."""
_EXACT = 1 << 53
NOWHERE = -1


class Stream(NamedTuple):
    """What is stored of one stream.

    numbers: float64, so many sums and then decays. times_ms: int64 [singles], ascending. columns: float64
    [columns, singles]. marked_ms: int64, when each thing was last seen, mark by mark until `mark_ends`.
    """

    events: int
    first_ms: int
    last_ms: int
    numbers: Floats
    times_ms: Ints
    columns: Floats
    marked_ms: Ints
    mark_ends: Ints
    sums: int


@compiled
def _whole(octets: Octets, at: int) -> tuple[int, int]:
    """Return a number and the place behind it, `NOWHERE` if there is none that fits."""
    number, shift = 0, 0
    while 0 <= at < len(octets) and shift <= _MOST_SHIFT:
        octet = int(octets[at])
        at += 1
        number |= (octet & 0x7F) << shift
        if octet < 0x80:  # noqa: PLR2004 - seven bits
            return number, at
        shift += 7
    return 0, NOWHERE


@compiled
def _wholes(octets: Octets, at: int, found: Ints) -> int:
    """Fill in numbers of equal size, and return the place behind them."""
    if not 0 <= at < len(octets) or octets[at] > _WIDEST:
        return NOWHERE
    size, at = int(octets[at]), at + 1
    if at + size * len(found) > len(octets):
        return NOWHERE
    for number in range(len(found)):
        value = 0
        for place in range(size):
            value |= int(octets[at + place]) << 8 * place
        found[number] = value
        at += size
    return at


@compiled
def _behind_wholes(octets: Octets, at: int, count: int) -> int:
    """Return the place behind numbers of equal size."""
    if not 0 <= at < len(octets):
        return NOWHERE
    at += 1 + int(octets[at]) * count
    return at if at <= len(octets) else NOWHERE


@compiled
def _floats(octets: Octets, at: int, found: Floats, filled: int) -> int:
    """Fill in the float64 numbers that have a bit in `filled`, zeros elsewhere; return the place behind."""
    words = found.view(np.uint64)
    if filled >> len(found):
        return NOWHERE
    for number in range(len(found)):
        found[number] = 0.0
        if filled >> number & 1 and at != NOWHERE:
            if at + 8 > len(octets):
                return NOWHERE
            word = np.uint64(0)
            for place in range(8):
                word |= np.uint64(octets[at + place]) << np.uint64(8 * place)
            words[number] = word
            at += 8
    return at


@compiled
def _amounts(octets: Octets, at: int, found: Floats) -> int:
    """Fill in numbers that may all be whole, or whole cents, and return the place behind them."""
    code, at = _whole(octets, at)
    if code == _FLOATS:
        for number in range(len(found)):
            at = _floats(octets, at, found[number : number + 1], 1)
        return at
    if code > _HUNDREDTHS:
        return NOWHERE
    numbers = np.empty(len(found), dtype=np.int64)
    at = _wholes(octets, at, numbers)
    for number in range(len(found)):
        if numbers[number] >= _EXACT:
            return NOWHERE
        found[number] = numbers[number] / (1.0 if code == _WHOLES else 100.0)
    return at


@compiled
def _singles(octets: Octets, at: int, kept: Ints, last: int, unit: int) -> tuple[Ints, Floats, int]:
    """Return the times of single events, what is kept with them, and the place behind."""
    count, at = _whole(octets, at) if kept[SINGLES] else (0, at)
    if count > len(octets):
        count, at = 0, NOWHERE
    times_ms, columns = np.empty(count, dtype=np.int64), np.empty((kept[COLUMNS], count))
    if kept[SINGLES]:
        at = _wholes(octets, at, times_ms[::-1])
        for single in range(count - 1, -1, -1):
            last -= times_ms[single]
            times_ms[single] = last * unit
        for column in range(kept[COLUMNS]):
            at = _amounts(octets, at, columns[column])
    return times_ms, columns, at


@compiled
def _marks(octets: Octets, at: int, kept: Ints, last: int, unit: int) -> tuple[Ints, Ints, int]:
    """Return when things were last seen, where those of each mark end, and the place behind."""
    marked_ms = np.empty(len(octets) if kept[MARKS] else 0, dtype=np.int64)
    ends = np.zeros(kept[MARKS] + 1, dtype=np.int64)
    for mark in range(kept[MARKS]):
        count, at = _whole(octets, at)
        begin, end = ends[mark], ends[mark] + count
        if at == NOWHERE or end > len(marked_ms):
            return marked_ms, ends, NOWHERE
        seen = marked_ms[begin:end]
        at = _wholes(octets, _behind_wholes(octets, at, count), seen)  # which things does not matter
        for thing in range(count):
            seen[thing] = (last - seen[thing]) * unit
        ends[mark + 1] = end
    return marked_ms, ends, at


@compiled
def _stream(octets: Octets, at: int, kept: Ints) -> tuple[Stream, int]:
    """Return what is stored of one stream, and the place behind it."""
    numbers, no_times = np.zeros(kept[SUMS] + kept[DECAYS]), np.empty(0, dtype=np.int64)
    events, at = _whole(octets, at)
    if not events:
        nothing = np.empty((kept[COLUMNS], 0)), no_times, np.zeros(kept[MARKS] + 1, dtype=np.int64)
        return Stream(0, 0, 0, numbers, no_times, *nothing, kept[SUMS]), at
    last, at = _whole(octets, at)
    last, unit = last >> 1, _SECOND_MS if last & 1 else 1
    gone, at = _whole(octets, at) if kept[FIRST] else (last, at)
    filled, at = _whole(octets, at)
    at = _floats(octets, at, numbers, filled)
    times_ms, columns, at = _singles(octets, at, kept, last, unit)
    marked_ms, mark_ends, at = _marks(octets, at, kept, last, unit)
    first_ms, last_ms = (last - gone) * unit, last * unit
    found = Stream(events, first_ms, last_ms, numbers, times_ms, columns, marked_ms, mark_ends, kept[SUMS])
    return found, at


@compiled
def _measured(reading: Ints, half_life_ms: float, stream: Stream, now_ms: int) -> float:
    """Return one feature of a stream."""
    kind, slot, window_ms = reading[KIND], reading[SLOT], reading[WINDOW_MS]
    begin_ms, age_ms = now_ms - window_ms, max(0, now_ms - stream.last_ms)
    found = 0.0
    if kind == EVENTS:
        found = float(stream.events)
    elif kind == SUM:
        found = stream.numbers[slot]
    elif kind == DECAY:
        found = stream.numbers[stream.sums + slot] * math.exp2(-float(age_ms) / half_life_ms)
    elif kind == RECENCY:
        is_there = stream.events and (window_ms == FOR_EVER or age_ms <= window_ms)
        found = age_ms / _DAY_MS if is_there else math.nan
    elif kind == TENURE:
        found = max(0, now_ms - stream.first_ms) / _DAY_MS if stream.events else math.nan
    elif kind == DIFFERENT:
        for at_ms in stream.marked_ms[stream.mark_ends[slot] : stream.mark_ends[slot + 1]]:
            found += (window_ms == FOR_EVER or begin_ms <= at_ms) and at_ms < now_ms
    else:
        for single, at_ms in enumerate(stream.times_ms):
            if begin_ms <= at_ms < now_ms:
                found += 1.0 if kind == WINDOW else stream.columns[slot, single]
    return found


@compiled
def features_into(
    vector: NDArray[np.float32], given_ms: Ints, octets: Octets, now_ms: int, plan: Ints, streams: int
) -> bool:
    """Fill in the features of a portion at a moment; False where others have to read it.

    vector: float32 [features]. given_ms: int64 [features], of those that are only ever given when that was,
    `NOWHERE` where nobody gave any. octets: uint8, what is stored of the portion behind the schema's name.
    plan: int64 [rows, WIDTH], one array because each more would take longer to hand over. First come the
    `streams`: what is kept of each, by the names `FIRST` to `MARKS`: flags and numbers. Then come the
    features, by the names `KIND` to `DEFAULT`; half life (milliseconds) and default are bits of a float64.
    A ratio has the places of its parts in the two cells behind `KIND`, a weighted sum begin and end of its
    terms: these are the last rows, by the names `PART` and `WEIGHT`, which is a float64, too.
    """
    found, at, figures = np.empty(len(vector)), 0, plan.view(np.float64)
    readings, defaults = plan[streams : streams + len(vector)], figures[streams:, DEFAULT]
    for place in range(streams):
        stream, at = _stream(octets, at, plan[place])
        if at == NOWHERE:
            return False
        for feature in range(len(vector)):
            reading = readings[feature]
            if reading[KIND] < RATIO and reading[STREAM] == place:
                value = _measured(reading, figures[streams + feature, HALF_LIFE], stream, now_ms)
                found[feature] = defaults[feature] if math.isnan(value) else value
    at = _given(octets, at, found, given_ms, readings)
    if at != len(octets):
        return False
    terms = streams + len(vector)
    _derive(found, readings, defaults, plan[terms:], figures[terms:])
    vector[:] = found
    return True


@compiled
def _given(octets: Octets, at: int, found: Floats, given_ms: Ints, readings: Ints) -> int:
    """Fill in the features that are only ever given, and return the place behind all that are given.

    What was given to any other feature goes together with what was counted: others have to read that.
    """
    for feature in range(len(found)):
        given_ms[feature] = NOWHERE
        if readings[feature, KIND] == ABSENT:
            found[feature] = math.nan
    pair = np.empty(2)
    count, at = _whole(octets, at)
    for _ in range(count):
        feature, at = _whole(octets, at)
        as_of_ms, at = _whole(octets, at)
        filled, at = _whole(octets, at)
        at = _floats(octets, at, pair, filled)
        if at == NOWHERE or feature >= len(found) or readings[feature, KIND] != ABSENT:
            return NOWHERE
        found[feature], given_ms[feature] = pair[0], as_of_ms
    return at


@compiled
def _derive(found: Floats, readings: Ints, defaults: Floats, terms: Ints, figures: Floats) -> None:
    """Fill in the features that are made of others above them."""
    for feature in range(len(found)):
        reading = readings[feature]
        if reading[KIND] < RATIO:
            continue
        value = found[feature] if reading[KIND] == ABSENT else math.nan
        if reading[KIND] == RATIO and found[reading[_UNDER]] != 0.0:
            value = found[reading[_OVER]] / found[reading[_UNDER]]
        elif reading[KIND] == WEIGHTED:
            value = 0.0
            for term in range(reading[_BEGIN], reading[_END]):
                value += figures[term, WEIGHT] * found[terms[term, PART]]
        found[feature] = defaults[feature] if math.isnan(value) else value
