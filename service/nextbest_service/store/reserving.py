"""What a decision writes into a person that it read: the reservations of one portion, and nothing else."""

from nextbest_service.customers.portion import Reservation
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError, unseal
from nextbest_service.store.found import Found
from nextbest_service.store.keys import Ref
from nextbest_service.store.person_codec import LISTS, RESERVATIONS, Changes, PersonCodec
from nextbest_service.store.record_codec import decode_records, encode_records

_PARTS = {letter: name for name, letter in LISTS.items()} | {
    keys.IDENTITIES: "identities",
    keys.SEGMENTS: "segments",
    keys.FEATURES: "features",
    keys.COUNTERS: "counters",
    keys.FACTS: "facts",
    keys.SEEN: "seen",
}
_UNSEALED = frozenset({keys.VERSION, keys.STRANGER})


def reserving(
    codec: PersonCodec, found: Found, origin: Ref, reservations: tuple[Reservation, ...], now_ms: int
) -> Changes | None:
    """Return what adds reservations to the portion of `origin`, those that are over left out.

    None where that takes the whole person: it is not at home, somebody's name has yet to be told, or not all
    of it is sound and known, so that nothing may be written over.
    """
    if found.head is None or found.loose or found.dangling:
        return None
    try:
        for name, blob in found.fields.items():
            if name not in _UNSEALED and not _is_sound(codec, name[:1], blob):
                return None
        members = codec.members(found.head, found.fields)
        if any(member.identity is None for member in members):
            return None
        index = next((place for place, member in enumerate(members) if member.ref == origin), None)
        if index is None:
            return None
        field = keys.RESERVATIONS + (b"%d" % index if index else b"")
        held = decode_records(RESERVATIONS, found.fields[field]) if field in found.fields else ()
    except CodecError:
        return None
    live = tuple(it for it in held if it.until_ms > now_ms)
    return Changes({field: encode_records(RESERVATIONS, live + reservations)})


def _is_sound(codec: PersonCodec, letter: bytes, blob: bytes) -> bool:
    part = _PARTS.get(letter)
    if part is None:
        return False
    unseal(part, blob)
    return letter != keys.FEATURES or codec.features.unknown_schema(blob) is None
