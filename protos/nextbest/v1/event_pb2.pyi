from nextbest.v1 import identity_pb2 as _identity_pb2
from nextbest.v1 import value_pb2 as _value_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Event(_message.Message):
    __slots__ = ("id", "source", "type", "subject", "time_unix_ms", "identities", "items", "properties", "brand", "channel")
    class PropertiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _value_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    id: str
    source: str
    type: str
    subject: str
    time_unix_ms: int
    identities: _containers.RepeatedCompositeFieldContainer[_identity_pb2.Identity]
    items: _containers.RepeatedCompositeFieldContainer[EventItem]
    properties: _containers.MessageMap[str, _value_pb2.Value]
    brand: str
    channel: str
    def __init__(self, id: _Optional[str] = ..., source: _Optional[str] = ..., type: _Optional[str] = ..., subject: _Optional[str] = ..., time_unix_ms: _Optional[int] = ..., identities: _Optional[_Iterable[_Union[_identity_pb2.Identity, _Mapping]]] = ..., items: _Optional[_Iterable[_Union[EventItem, _Mapping]]] = ..., properties: _Optional[_Mapping[str, _value_pb2.Value]] = ..., brand: _Optional[str] = ..., channel: _Optional[str] = ...) -> None: ...

class EventItem(_message.Message):
    __slots__ = ("product_id", "quantity", "amount", "affinities")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    AFFINITIES_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    quantity: float
    amount: float
    affinities: _containers.RepeatedCompositeFieldContainer[AffinityKeys]
    def __init__(self, product_id: _Optional[str] = ..., quantity: _Optional[float] = ..., amount: _Optional[float] = ..., affinities: _Optional[_Iterable[_Union[AffinityKeys, _Mapping]]] = ...) -> None: ...

class AffinityKeys(_message.Message):
    __slots__ = ("family", "keys")
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    family: str
    keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, family: _Optional[str] = ..., keys: _Optional[_Iterable[str]] = ...) -> None: ...
