from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_STATE_UNSPECIFIED: _ClassVar[ModelState]
    MODEL_STATE_SERVING: _ClassVar[ModelState]
    MODEL_STATE_CHALLENGER: _ClassVar[ModelState]
    MODEL_STATE_SHADOW: _ClassVar[ModelState]
    MODEL_STATE_PREVIOUS: _ClassVar[ModelState]
    MODEL_STATE_AVAILABLE: _ClassVar[ModelState]
    MODEL_STATE_INVALID: _ClassVar[ModelState]
MODEL_STATE_UNSPECIFIED: ModelState
MODEL_STATE_SERVING: ModelState
MODEL_STATE_CHALLENGER: ModelState
MODEL_STATE_SHADOW: ModelState
MODEL_STATE_PREVIOUS: ModelState
MODEL_STATE_AVAILABLE: ModelState
MODEL_STATE_INVALID: ModelState

class Model(_message.Message):
    __slots__ = ("version", "state", "trained_at_unix_ms", "metrics", "problem")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TRAINED_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    version: str
    state: ModelState
    trained_at_unix_ms: int
    metrics: _containers.ScalarMap[str, float]
    problem: str
    def __init__(self, version: _Optional[str] = ..., state: _Optional[_Union[ModelState, str]] = ..., trained_at_unix_ms: _Optional[int] = ..., metrics: _Optional[_Mapping[str, float]] = ..., problem: _Optional[str] = ...) -> None: ...
