from nextbest.v1 import action_pb2 as _action_pb2
from nextbest.v1 import error_pb2 as _error_pb2
from nextbest.v1 import identity_pb2 as _identity_pb2
from nextbest.v1 import proposition_pb2 as _proposition_pb2
from nextbest.v1 import value_pb2 as _value_pb2
from nextbest.v1 import version_pb2 as _version_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplainLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPLAIN_LEVEL_UNSPECIFIED: _ClassVar[ExplainLevel]
    EXPLAIN_LEVEL_NONE: _ClassVar[ExplainLevel]
    EXPLAIN_LEVEL_EXCLUSIONS: _ClassVar[ExplainLevel]
    EXPLAIN_LEVEL_FULL: _ClassVar[ExplainLevel]

class AuditMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_MODE_UNSPECIFIED: _ClassVar[AuditMode]
    AUDIT_MODE_BEST_EFFORT: _ClassVar[AuditMode]
    AUDIT_MODE_REQUIRED: _ClassVar[AuditMode]

class DegradationRung(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEGRADATION_RUNG_UNSPECIFIED: _ClassVar[DegradationRung]
    DEGRADATION_RUNG_FULL_MODEL: _ClassVar[DegradationRung]
    DEGRADATION_RUNG_STATIC_PRIORITY: _ClassVar[DegradationRung]
    DEGRADATION_RUNG_LAST_KNOWN_GOOD: _ClassVar[DegradationRung]
    DEGRADATION_RUNG_PLACEMENT_FALLBACK: _ClassVar[DegradationRung]
EXPLAIN_LEVEL_UNSPECIFIED: ExplainLevel
EXPLAIN_LEVEL_NONE: ExplainLevel
EXPLAIN_LEVEL_EXCLUSIONS: ExplainLevel
EXPLAIN_LEVEL_FULL: ExplainLevel
AUDIT_MODE_UNSPECIFIED: AuditMode
AUDIT_MODE_BEST_EFFORT: AuditMode
AUDIT_MODE_REQUIRED: AuditMode
DEGRADATION_RUNG_UNSPECIFIED: DegradationRung
DEGRADATION_RUNG_FULL_MODEL: DegradationRung
DEGRADATION_RUNG_STATIC_PRIORITY: DegradationRung
DEGRADATION_RUNG_LAST_KNOWN_GOOD: DegradationRung
DEGRADATION_RUNG_PLACEMENT_FALLBACK: DegradationRung

class DecideRequest(_message.Message):
    __slots__ = ("request_id", "identities", "placements", "context", "channel", "direction", "brand", "goal", "candidate_action_ids", "explain_level", "dry_run", "include_content", "locale", "audit_mode", "allow_duplicates")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    PLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_ACTION_IDS_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_LEVEL_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CONTENT_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    AUDIT_MODE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    identities: _containers.RepeatedCompositeFieldContainer[_identity_pb2.Identity]
    placements: _containers.RepeatedCompositeFieldContainer[PlacementRequest]
    context: _value_pb2.Context
    channel: str
    direction: _action_pb2.Direction
    brand: str
    goal: str
    candidate_action_ids: _containers.RepeatedScalarFieldContainer[str]
    explain_level: ExplainLevel
    dry_run: bool
    include_content: bool
    locale: str
    audit_mode: AuditMode
    allow_duplicates: bool
    def __init__(self, request_id: _Optional[str] = ..., identities: _Optional[_Iterable[_Union[_identity_pb2.Identity, _Mapping]]] = ..., placements: _Optional[_Iterable[_Union[PlacementRequest, _Mapping]]] = ..., context: _Optional[_Union[_value_pb2.Context, _Mapping]] = ..., channel: _Optional[str] = ..., direction: _Optional[_Union[_action_pb2.Direction, str]] = ..., brand: _Optional[str] = ..., goal: _Optional[str] = ..., candidate_action_ids: _Optional[_Iterable[str]] = ..., explain_level: _Optional[_Union[ExplainLevel, str]] = ..., dry_run: bool = ..., include_content: bool = ..., locale: _Optional[str] = ..., audit_mode: _Optional[_Union[AuditMode, str]] = ..., allow_duplicates: bool = ...) -> None: ...

class PlacementRequest(_message.Message):
    __slots__ = ("id", "limit", "excluded_action_ids", "action_types")
    ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_ACTION_IDS_FIELD_NUMBER: _ClassVar[int]
    ACTION_TYPES_FIELD_NUMBER: _ClassVar[int]
    id: str
    limit: int
    excluded_action_ids: _containers.RepeatedScalarFieldContainer[str]
    action_types: _containers.RepeatedScalarFieldContainer[_action_pb2.ActionType]
    def __init__(self, id: _Optional[str] = ..., limit: _Optional[int] = ..., excluded_action_ids: _Optional[_Iterable[str]] = ..., action_types: _Optional[_Iterable[_Union[_action_pb2.ActionType, str]]] = ...) -> None: ...

class DecideResponse(_message.Message):
    __slots__ = ("decision_id", "placements", "exclusions", "versions", "customer_known", "degraded", "stale_features", "timing", "decided_at_unix_ms", "arms")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    PLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIONS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KNOWN_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    STALE_FEATURES_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    placements: _containers.RepeatedCompositeFieldContainer[_proposition_pb2.PlacementDecision]
    exclusions: _containers.RepeatedCompositeFieldContainer[_proposition_pb2.Exclusion]
    versions: _version_pb2.Versions
    customer_known: bool
    degraded: _containers.RepeatedCompositeFieldContainer[Degradation]
    stale_features: _containers.RepeatedScalarFieldContainer[str]
    timing: Timing
    decided_at_unix_ms: int
    arms: _containers.RepeatedCompositeFieldContainer[ArmAssignment]
    def __init__(self, decision_id: _Optional[str] = ..., placements: _Optional[_Iterable[_Union[_proposition_pb2.PlacementDecision, _Mapping]]] = ..., exclusions: _Optional[_Iterable[_Union[_proposition_pb2.Exclusion, _Mapping]]] = ..., versions: _Optional[_Union[_version_pb2.Versions, _Mapping]] = ..., customer_known: bool = ..., degraded: _Optional[_Iterable[_Union[Degradation, _Mapping]]] = ..., stale_features: _Optional[_Iterable[str]] = ..., timing: _Optional[_Union[Timing, _Mapping]] = ..., decided_at_unix_ms: _Optional[int] = ..., arms: _Optional[_Iterable[_Union[ArmAssignment, _Mapping]]] = ...) -> None: ...

class Degradation(_message.Message):
    __slots__ = ("rung", "reason", "placement_id")
    RUNG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    rung: DegradationRung
    reason: str
    placement_id: str
    def __init__(self, rung: _Optional[_Union[DegradationRung, str]] = ..., reason: _Optional[str] = ..., placement_id: _Optional[str] = ...) -> None: ...

class Timing(_message.Message):
    __slots__ = ("queue_us", "read_us", "screen_us", "score_us", "arbitrate_us", "reserve_us", "render_us", "explain_us", "total_us")
    QUEUE_US_FIELD_NUMBER: _ClassVar[int]
    READ_US_FIELD_NUMBER: _ClassVar[int]
    SCREEN_US_FIELD_NUMBER: _ClassVar[int]
    SCORE_US_FIELD_NUMBER: _ClassVar[int]
    ARBITRATE_US_FIELD_NUMBER: _ClassVar[int]
    RESERVE_US_FIELD_NUMBER: _ClassVar[int]
    RENDER_US_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_US_FIELD_NUMBER: _ClassVar[int]
    TOTAL_US_FIELD_NUMBER: _ClassVar[int]
    queue_us: int
    read_us: int
    screen_us: int
    score_us: int
    arbitrate_us: int
    reserve_us: int
    render_us: int
    explain_us: int
    total_us: int
    def __init__(self, queue_us: _Optional[int] = ..., read_us: _Optional[int] = ..., screen_us: _Optional[int] = ..., score_us: _Optional[int] = ..., arbitrate_us: _Optional[int] = ..., reserve_us: _Optional[int] = ..., render_us: _Optional[int] = ..., explain_us: _Optional[int] = ..., total_us: _Optional[int] = ...) -> None: ...

class ArmAssignment(_message.Message):
    __slots__ = ("experiment_id", "arm")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    arm: str
    def __init__(self, experiment_id: _Optional[str] = ..., arm: _Optional[str] = ...) -> None: ...

class DecideStreamRequest(_message.Message):
    __slots__ = ("correlation_id", "request", "more")
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    correlation_id: int
    request: DecideRequest
    more: _containers.RepeatedCompositeFieldContainer[DecideStreamRequest]
    def __init__(self, correlation_id: _Optional[int] = ..., request: _Optional[_Union[DecideRequest, _Mapping]] = ..., more: _Optional[_Iterable[_Union[DecideStreamRequest, _Mapping]]] = ...) -> None: ...

class DecideStreamResponse(_message.Message):
    __slots__ = ("correlation_id", "response", "error", "more")
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    correlation_id: int
    response: DecideResponse
    error: _error_pb2.Error
    more: _containers.RepeatedCompositeFieldContainer[DecideStreamResponse]
    def __init__(self, correlation_id: _Optional[int] = ..., response: _Optional[_Union[DecideResponse, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ..., more: _Optional[_Iterable[_Union[DecideStreamResponse, _Mapping]]] = ...) -> None: ...
