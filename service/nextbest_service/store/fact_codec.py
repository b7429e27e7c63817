"""How facts look as bytes: their values by name, and when each was known."""

from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

from nextbest_service.store.codec import foreign, pack, unpack
from nextbest_service.store.columns import packed_time, unpacked_time

_PART = "facts"


class Facts(NamedTuple):
    """Facts by name, and when they were known, in Unix milliseconds by name.

    A fact without a time is of nobody knows when; a time without a fact is when it was taken away.
    """

    values: Mapping[str, object]
    as_of: Mapping[str, int]


NO_FACTS = Facts({}, {})


def encode_facts(facts: Facts) -> bytes:
    """Return the bytes of facts: texts, numbers, flags, UTC datetimes, lists and maps of them."""
    times = {name: packed_time(time_ms) for name, time_ms in facts.as_of.items()}
    held = [times.pop(name, None) for name in facts.values]
    content = [facts.values, held[0] if len({*held}) == 1 else held, *([times] if times else [])]
    return pack(_PART, content, deflate=True)


def decode_facts(blob: bytes) -> Facts:
    """Read facts back.

    Raises:
        CodecError: the bytes are not facts of this codec.
    """
    content = unpack(_PART, blob, list, use_list=True)
    try:
        values, held, *gone = content
        as_of = _times(values, held)
        for times in gone:
            as_of |= {name: unpacked_time(time) for name, time in times.items()}
        "".join(chain(values, *gone))  # nothing but texts can be joined
    except (TypeError, ValueError, AttributeError) as error:
        raise foreign(_PART) from error
    if type(values) is not dict:
        raise foreign(_PART)
    return Facts(values, as_of)


def _times(values: Mapping[str, object], held: Any) -> dict[str, int]:  # noqa: ANN401 - stored by others
    """Return when facts were known: `held` is the time of all of them, None, or a list with one of each."""
    if isinstance(held, int):
        return dict.fromkeys(values, unpacked_time(held))
    if held is None:
        return {}
    return {name: unpacked_time(time) for name, time in zip(values, held, strict=True) if time is not None}
