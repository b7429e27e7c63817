from nextbest.v1 import action_pb2 as _action_pb2
from nextbest.v1 import value_pb2 as _value_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MultiplierSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MULTIPLIER_SOURCE_UNSPECIFIED: _ClassVar[MultiplierSource]
    MULTIPLIER_SOURCE_CONTEXT_WEIGHT: _ClassVar[MultiplierSource]
    MULTIPLIER_SOURCE_ACTION: _ClassVar[MultiplierSource]
    MULTIPLIER_SOURCE_BRAND: _ClassVar[MultiplierSource]
    MULTIPLIER_SOURCE_GOAL: _ClassVar[MultiplierSource]
    MULTIPLIER_SOURCE_GUARD: _ClassVar[MultiplierSource]
    MULTIPLIER_SOURCE_EXPERIMENT: _ClassVar[MultiplierSource]
MULTIPLIER_SOURCE_UNSPECIFIED: MultiplierSource
MULTIPLIER_SOURCE_CONTEXT_WEIGHT: MultiplierSource
MULTIPLIER_SOURCE_ACTION: MultiplierSource
MULTIPLIER_SOURCE_BRAND: MultiplierSource
MULTIPLIER_SOURCE_GOAL: MultiplierSource
MULTIPLIER_SOURCE_GUARD: MultiplierSource
MULTIPLIER_SOURCE_EXPERIMENT: MultiplierSource

class PlacementDecision(_message.Message):
    __slots__ = ("placement_id", "propositions")
    PLACEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSITIONS_FIELD_NUMBER: _ClassVar[int]
    placement_id: str
    propositions: _containers.RepeatedCompositeFieldContainer[Proposition]
    def __init__(self, placement_id: _Optional[str] = ..., propositions: _Optional[_Iterable[_Union[Proposition, _Mapping]]] = ...) -> None: ...

class Proposition(_message.Message):
    __slots__ = ("action_id", "action_type", "issue", "group", "rank", "propensity", "value", "context_weight", "lever", "priority", "selection_probability", "selection_type", "token", "treatment_id", "content_json", "parameters", "expires_at_unix_ms", "maturity", "channel", "send_at_unix_ms", "explanation")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _value_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    ISSUE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LEVER_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    SELECTION_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    SELECTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TREATMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_JSON_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    MATURITY_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SEND_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    action_id: str
    action_type: _action_pb2.ActionType
    issue: str
    group: str
    rank: int
    propensity: float
    value: float
    context_weight: float
    lever: float
    priority: float
    selection_probability: float
    selection_type: _action_pb2.SelectionType
    token: str
    treatment_id: str
    content_json: str
    parameters: _containers.MessageMap[str, _value_pb2.Value]
    expires_at_unix_ms: int
    maturity: _action_pb2.Maturity
    channel: str
    send_at_unix_ms: int
    explanation: Explanation
    def __init__(self, action_id: _Optional[str] = ..., action_type: _Optional[_Union[_action_pb2.ActionType, str]] = ..., issue: _Optional[str] = ..., group: _Optional[str] = ..., rank: _Optional[int] = ..., propensity: _Optional[float] = ..., value: _Optional[float] = ..., context_weight: _Optional[float] = ..., lever: _Optional[float] = ..., priority: _Optional[float] = ..., selection_probability: _Optional[float] = ..., selection_type: _Optional[_Union[_action_pb2.SelectionType, str]] = ..., token: _Optional[str] = ..., treatment_id: _Optional[str] = ..., content_json: _Optional[str] = ..., parameters: _Optional[_Mapping[str, _value_pb2.Value]] = ..., expires_at_unix_ms: _Optional[int] = ..., maturity: _Optional[_Union[_action_pb2.Maturity, str]] = ..., channel: _Optional[str] = ..., send_at_unix_ms: _Optional[int] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("base_log_odds", "contributions", "summary", "others_log_odds", "calibration_log_odds", "multipliers", "sentences")
    BASE_LOG_ODDS_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    OTHERS_LOG_ODDS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_LOG_ODDS_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIERS_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    base_log_odds: float
    contributions: _containers.RepeatedCompositeFieldContainer[FeatureContribution]
    summary: str
    others_log_odds: float
    calibration_log_odds: float
    multipliers: _containers.RepeatedCompositeFieldContainer[Multiplier]
    sentences: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, base_log_odds: _Optional[float] = ..., contributions: _Optional[_Iterable[_Union[FeatureContribution, _Mapping]]] = ..., summary: _Optional[str] = ..., others_log_odds: _Optional[float] = ..., calibration_log_odds: _Optional[float] = ..., multipliers: _Optional[_Iterable[_Union[Multiplier, _Mapping]]] = ..., sentences: _Optional[_Iterable[str]] = ...) -> None: ...

class FeatureContribution(_message.Message):
    __slots__ = ("feature", "value", "log_odds", "words")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOG_ODDS_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    feature: str
    value: float
    log_odds: float
    words: str
    def __init__(self, feature: _Optional[str] = ..., value: _Optional[float] = ..., log_odds: _Optional[float] = ..., words: _Optional[str] = ...) -> None: ...

class Multiplier(_message.Message):
    __slots__ = ("source", "id", "factor")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    source: MultiplierSource
    id: str
    factor: float
    def __init__(self, source: _Optional[_Union[MultiplierSource, str]] = ..., id: _Optional[str] = ..., factor: _Optional[float] = ...) -> None: ...

class Exclusion(_message.Message):
    __slots__ = ("action_id", "stage", "rule_id", "reason", "actual", "required", "eligible_at_unix_ms", "placement_id")
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    action_id: str
    stage: _action_pb2.Stage
    rule_id: str
    reason: str
    actual: str
    required: str
    eligible_at_unix_ms: int
    placement_id: str
    def __init__(self, action_id: _Optional[str] = ..., stage: _Optional[_Union[_action_pb2.Stage, str]] = ..., rule_id: _Optional[str] = ..., reason: _Optional[str] = ..., actual: _Optional[str] = ..., required: _Optional[str] = ..., eligible_at_unix_ms: _Optional[int] = ..., placement_id: _Optional[str] = ...) -> None: ...
