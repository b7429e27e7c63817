from nextbest.v1 import catalog_pb2 as _catalog_pb2
from nextbest.v1 import decision_pb2 as _decision_pb2
from nextbest.v1 import error_pb2 as _error_pb2
from nextbest.v1 import model_pb2 as _model_pb2
from nextbest.v1 import version_pb2 as _version_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ServingState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SERVING_STATE_UNSPECIFIED: _ClassVar[ServingState]
    SERVING_STATE_STARTING: _ClassVar[ServingState]
    SERVING_STATE_SERVING: _ClassVar[ServingState]
    SERVING_STATE_DRAINING: _ClassVar[ServingState]

class ReloadTarget(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELOAD_TARGET_UNSPECIFIED: _ClassVar[ReloadTarget]
    RELOAD_TARGET_CATALOG: _ClassVar[ReloadTarget]
    RELOAD_TARGET_MODEL: _ClassVar[ReloadTarget]
    RELOAD_TARGET_CERTIFICATES: _ClassVar[ReloadTarget]
    RELOAD_TARGET_CALLERS: _ClassVar[ReloadTarget]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
SERVING_STATE_UNSPECIFIED: ServingState
SERVING_STATE_STARTING: ServingState
SERVING_STATE_SERVING: ServingState
SERVING_STATE_DRAINING: ServingState
RELOAD_TARGET_UNSPECIFIED: ReloadTarget
RELOAD_TARGET_CATALOG: ReloadTarget
RELOAD_TARGET_MODEL: ReloadTarget
RELOAD_TARGET_CERTIFICATES: ReloadTarget
RELOAD_TARGET_CALLERS: ReloadTarget
SEVERITY_UNSPECIFIED: Severity
SEVERITY_ERROR: Severity
SEVERITY_WARNING: Severity

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("state", "versions", "server_version", "started_at_unix_ms", "clock_unix_ms", "catalog_name", "action_count", "killed_action_count", "scorer", "parts")
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CATALOG_NAME_FIELD_NUMBER: _ClassVar[int]
    ACTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    KILLED_ACTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    SCORER_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    state: ServingState
    versions: _version_pb2.Versions
    server_version: str
    started_at_unix_ms: int
    clock_unix_ms: int
    catalog_name: str
    action_count: int
    killed_action_count: int
    scorer: str
    parts: _containers.RepeatedCompositeFieldContainer[PartStatus]
    def __init__(self, state: _Optional[_Union[ServingState, str]] = ..., versions: _Optional[_Union[_version_pb2.Versions, _Mapping]] = ..., server_version: _Optional[str] = ..., started_at_unix_ms: _Optional[int] = ..., clock_unix_ms: _Optional[int] = ..., catalog_name: _Optional[str] = ..., action_count: _Optional[int] = ..., killed_action_count: _Optional[int] = ..., scorer: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[PartStatus, _Mapping]]] = ...) -> None: ...

class PartStatus(_message.Message):
    __slots__ = ("name", "healthy", "detail", "since_unix_ms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HEALTHY_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SINCE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    healthy: bool
    detail: str
    since_unix_ms: int
    def __init__(self, name: _Optional[str] = ..., healthy: bool = ..., detail: _Optional[str] = ..., since_unix_ms: _Optional[int] = ...) -> None: ...

class ReloadRequest(_message.Message):
    __slots__ = ("targets", "validate_only")
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    targets: _containers.RepeatedScalarFieldContainer[ReloadTarget]
    validate_only: bool
    def __init__(self, targets: _Optional[_Iterable[_Union[ReloadTarget, str]]] = ..., validate_only: bool = ...) -> None: ...

class ReloadResponse(_message.Message):
    __slots__ = ("swapped", "versions", "diagnostics")
    SWAPPED_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    swapped: bool
    versions: _version_pb2.Versions
    diagnostics: _containers.RepeatedCompositeFieldContainer[Diagnostic]
    def __init__(self, swapped: bool = ..., versions: _Optional[_Union[_version_pb2.Versions, _Mapping]] = ..., diagnostics: _Optional[_Iterable[_Union[Diagnostic, _Mapping]]] = ...) -> None: ...

class Diagnostic(_message.Message):
    __slots__ = ("severity", "file", "line", "column", "message")
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    severity: Severity
    file: str
    line: int
    column: int
    message: str
    def __init__(self, severity: _Optional[_Union[Severity, str]] = ..., file: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_model_pb2.Model]
    def __init__(self, models: _Optional[_Iterable[_Union[_model_pb2.Model, _Mapping]]] = ...) -> None: ...

class PromoteModelRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class PromoteModelResponse(_message.Message):
    __slots__ = ("versions", "previous_version")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    versions: _version_pb2.Versions
    previous_version: str
    def __init__(self, versions: _Optional[_Union[_version_pb2.Versions, _Mapping]] = ..., previous_version: _Optional[str] = ...) -> None: ...

class RollbackModelRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RollbackModelResponse(_message.Message):
    __slots__ = ("versions", "rolled_back_version")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ROLLED_BACK_VERSION_FIELD_NUMBER: _ClassVar[int]
    versions: _version_pb2.Versions
    rolled_back_version: str
    def __init__(self, versions: _Optional[_Union[_version_pb2.Versions, _Mapping]] = ..., rolled_back_version: _Optional[str] = ...) -> None: ...

class KillActionRequest(_message.Message):
    __slots__ = ("action_id", "reason", "until_unix_ms")
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    action_id: str
    reason: str
    until_unix_ms: int
    def __init__(self, action_id: _Optional[str] = ..., reason: _Optional[str] = ..., until_unix_ms: _Optional[int] = ...) -> None: ...

class KillActionResponse(_message.Message):
    __slots__ = ("action",)
    ACTION_FIELD_NUMBER: _ClassVar[int]
    action: _catalog_pb2.Action
    def __init__(self, action: _Optional[_Union[_catalog_pb2.Action, _Mapping]] = ...) -> None: ...

class ReviveActionRequest(_message.Message):
    __slots__ = ("action_id",)
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    action_id: str
    def __init__(self, action_id: _Optional[str] = ...) -> None: ...

class ReviveActionResponse(_message.Message):
    __slots__ = ("action",)
    ACTION_FIELD_NUMBER: _ClassVar[int]
    action: _catalog_pb2.Action
    def __init__(self, action: _Optional[_Union[_catalog_pb2.Action, _Mapping]] = ...) -> None: ...

class ListActionsRequest(_message.Message):
    __slots__ = ("killed_only", "page_size", "page_token")
    KILLED_ONLY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    killed_only: bool
    page_size: int
    page_token: str
    def __init__(self, killed_only: bool = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListActionsResponse(_message.Message):
    __slots__ = ("actions", "next_page_token")
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    actions: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Action]
    next_page_token: str
    def __init__(self, actions: _Optional[_Iterable[_Union[_catalog_pb2.Action, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListPlacementsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPlacementsResponse(_message.Message):
    __slots__ = ("placements",)
    PLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    placements: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Placement]
    def __init__(self, placements: _Optional[_Iterable[_Union[_catalog_pb2.Placement, _Mapping]]] = ...) -> None: ...

class ExplainDecisionRequest(_message.Message):
    __slots__ = ("decision_id", "token")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    token: str
    def __init__(self, decision_id: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class ExplainDecisionResponse(_message.Message):
    __slots__ = ("decision", "reproduced", "problem")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REPRODUCED_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    decision: _decision_pb2.DecideResponse
    reproduced: bool
    problem: _error_pb2.Error
    def __init__(self, decision: _Optional[_Union[_decision_pb2.DecideResponse, _Mapping]] = ..., reproduced: bool = ..., problem: _Optional[_Union[_error_pb2.Error, _Mapping]] = ...) -> None: ...
