from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Versions(_message.Message):
    __slots__ = ("catalog", "ruleset", "model", "feature_spec")
    CATALOG_FIELD_NUMBER: _ClassVar[int]
    RULESET_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SPEC_FIELD_NUMBER: _ClassVar[int]
    catalog: str
    ruleset: str
    model: str
    feature_spec: str
    def __init__(self, catalog: _Optional[str] = ..., ruleset: _Optional[str] = ..., model: _Optional[str] = ..., feature_spec: _Optional[str] = ...) -> None: ...
