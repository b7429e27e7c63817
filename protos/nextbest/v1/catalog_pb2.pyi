from nextbest.v1 import action_pb2 as _action_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Action(_message.Message):
    __slots__ = ("id", "type", "issue", "group", "title", "valid_from_unix_ms", "valid_until_unix_ms", "channels", "kill")
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ISSUE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    KILL_FIELD_NUMBER: _ClassVar[int]
    id: str
    type: _action_pb2.ActionType
    issue: str
    group: str
    title: str
    valid_from_unix_ms: int
    valid_until_unix_ms: int
    channels: _containers.RepeatedScalarFieldContainer[str]
    kill: Kill
    def __init__(self, id: _Optional[str] = ..., type: _Optional[_Union[_action_pb2.ActionType, str]] = ..., issue: _Optional[str] = ..., group: _Optional[str] = ..., title: _Optional[str] = ..., valid_from_unix_ms: _Optional[int] = ..., valid_until_unix_ms: _Optional[int] = ..., channels: _Optional[_Iterable[str]] = ..., kill: _Optional[_Union[Kill, _Mapping]] = ...) -> None: ...

class Kill(_message.Message):
    __slots__ = ("reason", "caller", "since_unix_ms", "until_unix_ms")
    REASON_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    SINCE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    caller: str
    since_unix_ms: int
    until_unix_ms: int
    def __init__(self, reason: _Optional[str] = ..., caller: _Optional[str] = ..., since_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ...) -> None: ...

class Placement(_message.Message):
    __slots__ = ("id", "title", "channel", "direction", "action_types", "default_limit", "max_limit")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    ACTION_TYPES_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_LIMIT_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    channel: str
    direction: _action_pb2.Direction
    action_types: _containers.RepeatedScalarFieldContainer[_action_pb2.ActionType]
    default_limit: int
    max_limit: int
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., channel: _Optional[str] = ..., direction: _Optional[_Union[_action_pb2.Direction, str]] = ..., action_types: _Optional[_Iterable[_Union[_action_pb2.ActionType, str]]] = ..., default_limit: _Optional[int] = ..., max_limit: _Optional[int] = ...) -> None: ...
