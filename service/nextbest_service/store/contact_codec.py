"""The contact history as columns: read with almost every decision, and record by record only where needed."""

from collections.abc import Sequence
from itertools import accumulate

from nextbest_rules.contacts import SHARED, Columns, Contacts
from nextbest_service.store.codec import foreign, unpack
from nextbest_service.store.columns import FOREIGN, Packed, unpacked_numbers

_PART = "contacts"
_TEXT, _TIME = frozenset({str}), frozenset({int})
_ID_BYTES = 16
_OCTETS = bytes(range(256))


def decode_contacts(blob: bytes) -> Contacts:
    """Read what `encode_records` made of contacts; what `decode_records` refuses this refuses at once.

    Raises:
        CodecError: the bytes are no contacts by this codec.
    """
    content = unpack(_PART, blob, tuple)
    try:
        return Contacts(_columns(*content))
    except FOREIGN as error:
        raise foreign(_PART) from error


def _columns(texts: Packed, cells: Packed, combinations: Packed, at: Packed, decisions: Packed) -> Columns:
    "".join(texts)  # nothing but texts can be joined
    cells = _places(cells, len(texts))
    different, rest = divmod(len(cells), SHARED)
    if combinations is not None:
        combinations = _places(combinations, different)
    size = different if combinations is None else len(combinations)
    at_ms = [] if at is None else _times(*at)
    ids, names, places = decisions
    known = len(ids) // _ID_BYTES + len(names)
    if places is not None:
        places = _places(places, known)
    told = known if places is None else len(places)
    if rest or len(ids) % _ID_BYTES or not size == len(at_ms) == told:
        raise ValueError
    if type(ids) is not bytes or not _TEXT.issuperset(map(type, names)):
        raise TypeError
    return Columns(texts, cells, combinations, at_ms, ids, names, places)


def _times(unit: Packed, *steps: Packed) -> Sequence[int]:
    """Return times that must all be there."""
    times = [*accumulate(steps)]  # the sum of anything but whole numbers is none
    if {type(unit), type(times[0]), type(times[-1])} != _TIME:
        raise TypeError
    return times if unit == 1 else [time * unit for time in times]


def _places(packed: Packed, size: int) -> Sequence[int]:
    """Return places in a table of `size` rows; those behind its end raise ValueError."""
    places = unpacked_numbers(packed, size)
    beyond = (
        places.translate(None, _OCTETS[:size]) if type(places) is bytes else max(places, default=-1) >= size
    )
    if beyond:
        raise ValueError
    return places
