from nextbest.v1 import error_pb2 as _error_pb2
from nextbest.v1 import value_pb2 as _value_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OutcomeType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_TYPE_UNSPECIFIED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_DELIVERED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_DISPLAYED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_OPENED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_CLICKED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_ACCEPTED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_REJECTED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_DISMISSED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_CONVERTED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_FAILED: _ClassVar[OutcomeType]
    OUTCOME_TYPE_WITHHELD: _ClassVar[OutcomeType]
    OUTCOME_TYPE_UNSUBSCRIBED: _ClassVar[OutcomeType]
OUTCOME_TYPE_UNSPECIFIED: OutcomeType
OUTCOME_TYPE_DELIVERED: OutcomeType
OUTCOME_TYPE_DISPLAYED: OutcomeType
OUTCOME_TYPE_OPENED: OutcomeType
OUTCOME_TYPE_CLICKED: OutcomeType
OUTCOME_TYPE_ACCEPTED: OutcomeType
OUTCOME_TYPE_REJECTED: OutcomeType
OUTCOME_TYPE_DISMISSED: OutcomeType
OUTCOME_TYPE_CONVERTED: OutcomeType
OUTCOME_TYPE_FAILED: OutcomeType
OUTCOME_TYPE_WITHHELD: OutcomeType
OUTCOME_TYPE_UNSUBSCRIBED: OutcomeType

class Outcome(_message.Message):
    __slots__ = ("id", "source", "type", "time_unix_ms", "token", "amount", "properties")
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
    TIME_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    id: str
    source: str
    type: OutcomeType
    time_unix_ms: int
    token: str
    amount: float
    properties: _containers.MessageMap[str, _value_pb2.Value]
    def __init__(self, id: _Optional[str] = ..., source: _Optional[str] = ..., type: _Optional[_Union[OutcomeType, str]] = ..., time_unix_ms: _Optional[int] = ..., token: _Optional[str] = ..., amount: _Optional[float] = ..., properties: _Optional[_Mapping[str, _value_pb2.Value]] = ...) -> None: ...

class ReportOutcomesRequest(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...

class ReportOutcomesResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_error_pb2.ItemResult]
    def __init__(self, results: _Optional[_Iterable[_Union[_error_pb2.ItemResult, _Mapping]]] = ...) -> None: ...
