from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ActionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_TYPE_UNSPECIFIED: _ClassVar[ActionType]
    ACTION_TYPE_OFFER: _ClassVar[ActionType]
    ACTION_TYPE_SERVICE: _ClassVar[ActionType]
    ACTION_TYPE_INFORMATION: _ClassVar[ActionType]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_INBOUND: _ClassVar[Direction]
    DIRECTION_OUTBOUND: _ClassVar[Direction]

class SelectionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SELECTION_TYPE_UNSPECIFIED: _ClassVar[SelectionType]
    SELECTION_TYPE_RANKED: _ClassVar[SelectionType]
    SELECTION_TYPE_EXPLORED: _ClassVar[SelectionType]
    SELECTION_TYPE_PINNED: _ClassVar[SelectionType]
    SELECTION_TYPE_FALLBACK: _ClassVar[SelectionType]
    SELECTION_TYPE_STATIC: _ClassVar[SelectionType]
    SELECTION_TYPE_LAST_KNOWN_GOOD: _ClassVar[SelectionType]

class Maturity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MATURITY_UNSPECIFIED: _ClassVar[Maturity]
    MATURITY_PRIOR: _ClassVar[Maturity]
    MATURITY_POOLED: _ClassVar[Maturity]
    MATURITY_MODEL: _ClassVar[Maturity]

class Stage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAGE_UNSPECIFIED: _ClassVar[Stage]
    STAGE_VALIDITY: _ClassVar[Stage]
    STAGE_CONSENT: _ClassVar[Stage]
    STAGE_GUARD: _ClassVar[Stage]
    STAGE_ELIGIBILITY: _ClassVar[Stage]
    STAGE_APPLICABILITY: _ClassVar[Stage]
    STAGE_SUITABILITY: _ClassVar[Stage]
    STAGE_CONTACT_POLICY: _ClassVar[Stage]
    STAGE_PLACEMENT: _ClassVar[Stage]
    STAGE_REQUEST: _ClassVar[Stage]
    STAGE_HOLDOUT: _ClassVar[Stage]
    STAGE_ARBITRATION: _ClassVar[Stage]
ACTION_TYPE_UNSPECIFIED: ActionType
ACTION_TYPE_OFFER: ActionType
ACTION_TYPE_SERVICE: ActionType
ACTION_TYPE_INFORMATION: ActionType
DIRECTION_UNSPECIFIED: Direction
DIRECTION_INBOUND: Direction
DIRECTION_OUTBOUND: Direction
SELECTION_TYPE_UNSPECIFIED: SelectionType
SELECTION_TYPE_RANKED: SelectionType
SELECTION_TYPE_EXPLORED: SelectionType
SELECTION_TYPE_PINNED: SelectionType
SELECTION_TYPE_FALLBACK: SelectionType
SELECTION_TYPE_STATIC: SelectionType
SELECTION_TYPE_LAST_KNOWN_GOOD: SelectionType
MATURITY_UNSPECIFIED: Maturity
MATURITY_PRIOR: Maturity
MATURITY_POOLED: Maturity
MATURITY_MODEL: Maturity
STAGE_UNSPECIFIED: Stage
STAGE_VALIDITY: Stage
STAGE_CONSENT: Stage
STAGE_GUARD: Stage
STAGE_ELIGIBILITY: Stage
STAGE_APPLICABILITY: Stage
STAGE_SUITABILITY: Stage
STAGE_CONTACT_POLICY: Stage
STAGE_PLACEMENT: Stage
STAGE_REQUEST: Stage
STAGE_HOLDOUT: Stage
STAGE_ARBITRATION: Stage
