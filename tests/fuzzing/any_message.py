"""Messages of any type, made from its descriptor: nearly sound, hostile, or bytes that are neither.

Nothing here knows a message of the contract. Hypothesis draws every choice, so it can make a find smaller.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hostile_values import FLOATS, INTEGERS, TEXTS, USUAL_INTEGERS, USUAL_TIMES, WIRE_NOISE
from hypothesis import strategies as st
from vocabulary import NEEDED, Vocabulary

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

DEEPEST = 3
"""Messages within messages of the same kind."""
MANY = 1001
"""One more than any list of the contract may have."""
FIELD = FieldDescriptor
LARGEST_REPEATED = 500
"""Bytes of an item that may stand in a list more than once, or else lists of lists would be all there is."""
_INT32 = {FIELD.CPPTYPE_INT32, FIELD.CPPTYPE_ENUM}


@dataclass
class Mood:
    """Which values of a message are hostile: that at one place, and a share of all others, in tenths.

    One hostile value in a message that is sound gets furthest.
    """

    place: int = -1
    share: int = 0
    passed: int = 0

    def hostile(self, draw: Draw) -> bool:
        """Tell whether the next value is."""
        self.passed += 1
        return self.passed - 1 == self.place or (self.share > 0 and draw(st.integers(0, 9)) < self.share)


MOODS: st.SearchStrategy[Mood] = st.one_of(
    st.builds(Mood),
    st.builds(Mood, place=st.integers(0, 9)),
    st.builds(Mood, place=st.integers(0, 24)),
    st.builds(Mood, share=st.just(3)),
)


@st.composite
def raw_messages(draw: Draw, kind: Descriptor, words: Vocabulary) -> bytes:
    """Return the bytes of a message, one in four of them damaged."""
    message = GetMessageClass(kind)()
    _fill(draw, message, words, draw(MOODS), depth=0)
    raw = message.SerializeToString()
    return raw if draw(st.integers(0, 3)) else _damaged(draw, raw)


def _fill(draw: Draw, message: Message, words: Vocabulary, mood: Mood, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if not _wanted(draw, field, depth):
            continue
        if _is_map(field):
            _fill_map(draw, message, field, words, mood)
        elif field.is_repeated:
            _fill_list(draw, message, field, words, mood, depth)
        elif field.message_type is not None:
            part = getattr(message, field.name)
            part.SetInParent()
            _fill(draw, part, words, mood, depth + 1)
        else:
            setattr(message, field.name, _scalar(draw, field, words, mood))


def _wanted(draw: Draw, field: FieldDescriptor, depth: int) -> bool:
    """Tell whether a field is set: nearly always if it is needed; one in itself only down to a depth."""
    if field.message_type is field.containing_type and depth >= DEEPEST:
        return False
    return draw(st.integers(0, 29)) > 0 if field.name in NEEDED else draw(st.integers(0, 3)) == 0


def _fill_map(draw: Draw, message: Message, field: FieldDescriptor, words: Vocabulary, mood: Mood) -> None:
    key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    entries = getattr(message, field.name)
    for _ in range(draw(st.integers(0, 2))):
        name = _scalar(draw, key, words, mood, f"{field.name}.key")
        if value.message_type is None:
            entries[name] = _scalar(draw, value, words, mood)
        else:
            _fill(draw, entries[name], words, mood, 1)


def _fill_list(
    draw: Draw, message: Message, field: FieldDescriptor, words: Vocabulary, mood: Mood, depth: int
) -> None:
    items = getattr(message, field.name)
    count = draw(st.sampled_from([1, 1, 1, 2, 3, *([9, MANY] if mood.share else [])]))
    if field.message_type is None:
        item = _scalar(draw, field, words, mood)
        items.extend([item] * count if count == MANY else [item, *_scalars(draw, field, words, mood, count)])
        return
    _fill(draw, items.add(), words, mood, depth + 1)
    if items[0].ByteSize() > LARGEST_REPEATED:
        return
    for _ in range(count - 1):
        if count == MANY or draw(st.booleans()):
            items.add().CopyFrom(items[0])
        else:
            _fill(draw, items.add(), words, mood, depth + 1)


def _scalars(draw: Draw, field: FieldDescriptor, words: Vocabulary, mood: Mood, count: int) -> Sequence[Any]:
    return [_scalar(draw, field, words, mood) for _ in range(count - 1)]


def _scalar(draw: Draw, field: FieldDescriptor, words: Vocabulary, mood: Mood, name: str = "") -> Any:
    """Return a value of a field, a hostile one if the mood says so."""
    hostile = mood.hostile(draw)
    match field.cpp_type:
        case FIELD.CPPTYPE_STRING if field.type == FIELD.TYPE_BYTES:
            return draw(st.binary(max_size=9))
        case FIELD.CPPTYPE_STRING:
            known = words.get(name or f"{field.containing_type.name}.{field.name}") or words.get(field.name)
            return draw(st.sampled_from(known)) if known and not hostile else draw(TEXTS)
        case FIELD.CPPTYPE_BOOL:
            return draw(st.booleans())
        case FIELD.CPPTYPE_DOUBLE | FIELD.CPPTYPE_FLOAT:
            often = hostile or not draw(st.integers(0, 3))  # few fields have such numbers
            return draw(FLOATS) if often else draw(st.sampled_from([0.0, 1.0, 12.5]))
        case FIELD.CPPTYPE_ENUM if not hostile:
            return draw(st.sampled_from([value.number for value in field.enum_type.values]))
        case cpp_type:
            least, most = _bounds(cpp_type)
            usual = USUAL_TIMES if field.name.endswith("_unix_ms") else USUAL_INTEGERS
            number = draw(INTEGERS if hostile else usual)
            return min(max(number, least), most)


def _bounds(cpp_type: int) -> tuple[int, int]:
    if cpp_type in _INT32:
        return -(2**31), 2**31 - 1
    if cpp_type in {FIELD.CPPTYPE_UINT32, FIELD.CPPTYPE_UINT64}:
        return 0, 2**32 - 1
    return -(2**63), 2**63 - 1


def _is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.has_options and kind.GetOptions().map_entry


def _damaged(draw: Draw, raw: bytes) -> bytes:
    """Return bytes with some of them gone, replaced, repeated or put in."""
    start = draw(st.integers(0, len(raw)))
    noise = draw(WIRE_NOISE | st.binary(max_size=4))
    match draw(st.sampled_from(["cut", "insert", "replace", "twice", "append"])):
        case "cut":
            return raw[:start]
        case "insert":
            return raw[:start] + noise + raw[start:]
        case "replace":
            return raw[:start] + noise + raw[start + len(noise) :]
        case "twice":
            return raw + raw[start:]
        case _:
            return raw + noise
