from nextbest.v1 import error_pb2 as _error_pb2
from nextbest.v1 import event_pb2 as _event_pb2
from nextbest.v1 import identity_pb2 as _identity_pb2
from nextbest.v1 import outcome_pb2 as _outcome_pb2
from nextbest.v1 import profile_pb2 as _profile_pb2
from nextbest.v1 import value_pb2 as _value_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpsertProfilesRequest(_message.Message):
    __slots__ = ("profiles",)
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    profiles: _containers.RepeatedCompositeFieldContainer[_profile_pb2.Profile]
    def __init__(self, profiles: _Optional[_Iterable[_Union[_profile_pb2.Profile, _Mapping]]] = ...) -> None: ...

class UpsertProfilesResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_error_pb2.ItemResult]
    def __init__(self, results: _Optional[_Iterable[_Union[_error_pb2.ItemResult, _Mapping]]] = ...) -> None: ...

class TrackEventsRequest(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class TrackEventsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_error_pb2.ItemResult]
    def __init__(self, results: _Optional[_Iterable[_Union[_error_pb2.ItemResult, _Mapping]]] = ...) -> None: ...

class StreamEventsRequest(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class StreamEventsResponse(_message.Message):
    __slots__ = ("applied", "duplicates", "rejected", "rejections", "stale")
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    applied: int
    duplicates: int
    rejected: int
    rejections: _containers.RepeatedCompositeFieldContainer[_error_pb2.ItemResult]
    stale: int
    def __init__(self, applied: _Optional[int] = ..., duplicates: _Optional[int] = ..., rejected: _Optional[int] = ..., rejections: _Optional[_Iterable[_Union[_error_pb2.ItemResult, _Mapping]]] = ..., stale: _Optional[int] = ...) -> None: ...

class LinkIdentitiesRequest(_message.Message):
    __slots__ = ("identities", "source", "time_unix_ms")
    IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    identities: _containers.RepeatedCompositeFieldContainer[_identity_pb2.Identity]
    source: str
    time_unix_ms: int
    def __init__(self, identities: _Optional[_Iterable[_Union[_identity_pb2.Identity, _Mapping]]] = ..., source: _Optional[str] = ..., time_unix_ms: _Optional[int] = ...) -> None: ...

class LinkIdentitiesResponse(_message.Message):
    __slots__ = ("merged", "identities")
    MERGED_FIELD_NUMBER: _ClassVar[int]
    IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    merged: bool
    identities: _containers.RepeatedCompositeFieldContainer[_identity_pb2.Identity]
    def __init__(self, merged: bool = ..., identities: _Optional[_Iterable[_Union[_identity_pb2.Identity, _Mapping]]] = ...) -> None: ...

class UnlinkIdentitiesRequest(_message.Message):
    __slots__ = ("identities", "source")
    IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    identities: _containers.RepeatedCompositeFieldContainer[_identity_pb2.Identity]
    source: str
    def __init__(self, identities: _Optional[_Iterable[_Union[_identity_pb2.Identity, _Mapping]]] = ..., source: _Optional[str] = ...) -> None: ...

class UnlinkIdentitiesResponse(_message.Message):
    __slots__ = ("unlinked",)
    UNLINKED_FIELD_NUMBER: _ClassVar[int]
    unlinked: _containers.RepeatedCompositeFieldContainer[_identity_pb2.Identity]
    def __init__(self, unlinked: _Optional[_Iterable[_Union[_identity_pb2.Identity, _Mapping]]] = ...) -> None: ...

class GetCustomerRequest(_message.Message):
    __slots__ = ("identity", "contact_limit")
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    CONTACT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    identity: _identity_pb2.Identity
    contact_limit: int
    def __init__(self, identity: _Optional[_Union[_identity_pb2.Identity, _Mapping]] = ..., contact_limit: _Optional[int] = ...) -> None: ...

class GetCustomerResponse(_message.Message):
    __slots__ = ("known", "customer")
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    known: bool
    customer: Customer
    def __init__(self, known: bool = ..., customer: _Optional[_Union[Customer, _Mapping]] = ...) -> None: ...

class Customer(_message.Message):
    __slots__ = ("identities", "attributes", "consents", "features", "tickets", "affinities", "segments", "contacts", "updated_at_unix_ms")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _value_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...
    IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    TICKETS_FIELD_NUMBER: _ClassVar[int]
    AFFINITIES_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    CONTACTS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    identities: _containers.RepeatedCompositeFieldContainer[_identity_pb2.Identity]
    attributes: _containers.MessageMap[str, _value_pb2.Value]
    consents: _containers.RepeatedCompositeFieldContainer[_profile_pb2.Consent]
    features: _containers.RepeatedCompositeFieldContainer[FeatureState]
    tickets: _containers.RepeatedCompositeFieldContainer[Ticket]
    affinities: _containers.RepeatedCompositeFieldContainer[AffinityState]
    segments: _containers.RepeatedScalarFieldContainer[str]
    contacts: _containers.RepeatedCompositeFieldContainer[Contact]
    updated_at_unix_ms: int
    def __init__(self, identities: _Optional[_Iterable[_Union[_identity_pb2.Identity, _Mapping]]] = ..., attributes: _Optional[_Mapping[str, _value_pb2.Value]] = ..., consents: _Optional[_Iterable[_Union[_profile_pb2.Consent, _Mapping]]] = ..., features: _Optional[_Iterable[_Union[FeatureState, _Mapping]]] = ..., tickets: _Optional[_Iterable[_Union[Ticket, _Mapping]]] = ..., affinities: _Optional[_Iterable[_Union[AffinityState, _Mapping]]] = ..., segments: _Optional[_Iterable[str]] = ..., contacts: _Optional[_Iterable[_Union[Contact, _Mapping]]] = ..., updated_at_unix_ms: _Optional[int] = ...) -> None: ...

class FeatureState(_message.Message):
    __slots__ = ("name", "value", "as_of_unix_ms", "stale")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    as_of_unix_ms: int
    stale: bool
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., as_of_unix_ms: _Optional[int] = ..., stale: bool = ...) -> None: ...

class Ticket(_message.Message):
    __slots__ = ("id", "open", "severity", "product_ids", "opened_at_unix_ms", "closed_at_unix_ms")
    ID_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_IDS_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    id: str
    open: bool
    severity: str
    product_ids: _containers.RepeatedScalarFieldContainer[str]
    opened_at_unix_ms: int
    closed_at_unix_ms: int
    def __init__(self, id: _Optional[str] = ..., open: bool = ..., severity: _Optional[str] = ..., product_ids: _Optional[_Iterable[str]] = ..., opened_at_unix_ms: _Optional[int] = ..., closed_at_unix_ms: _Optional[int] = ...) -> None: ...

class AffinityState(_message.Message):
    __slots__ = ("family", "key", "count", "last_at_unix_ms")
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    family: str
    key: str
    count: int
    last_at_unix_ms: int
    def __init__(self, family: _Optional[str] = ..., key: _Optional[str] = ..., count: _Optional[int] = ..., last_at_unix_ms: _Optional[int] = ...) -> None: ...

class Contact(_message.Message):
    __slots__ = ("action_id", "channel", "brand", "outcome", "time_unix_ms", "decision_id", "reserved")
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    action_id: str
    channel: str
    brand: str
    outcome: _outcome_pb2.OutcomeType
    time_unix_ms: int
    decision_id: str
    reserved: bool
    def __init__(self, action_id: _Optional[str] = ..., channel: _Optional[str] = ..., brand: _Optional[str] = ..., outcome: _Optional[_Union[_outcome_pb2.OutcomeType, str]] = ..., time_unix_ms: _Optional[int] = ..., decision_id: _Optional[str] = ..., reserved: bool = ...) -> None: ...

class ExportCustomerRequest(_message.Message):
    __slots__ = ("identity",)
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    identity: _identity_pb2.Identity
    def __init__(self, identity: _Optional[_Union[_identity_pb2.Identity, _Mapping]] = ...) -> None: ...

class ExportCustomerResponse(_message.Message):
    __slots__ = ("kind", "record_json")
    KIND_FIELD_NUMBER: _ClassVar[int]
    RECORD_JSON_FIELD_NUMBER: _ClassVar[int]
    kind: str
    record_json: str
    def __init__(self, kind: _Optional[str] = ..., record_json: _Optional[str] = ...) -> None: ...

class EraseCustomerRequest(_message.Message):
    __slots__ = ("identity", "source")
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    identity: _identity_pb2.Identity
    source: str
    def __init__(self, identity: _Optional[_Union[_identity_pb2.Identity, _Mapping]] = ..., source: _Optional[str] = ...) -> None: ...

class EraseCustomerResponse(_message.Message):
    __slots__ = ("found", "erased", "complete_at_unix_ms")
    class ErasedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    FOUND_FIELD_NUMBER: _ClassVar[int]
    ERASED_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_AT_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    found: bool
    erased: _containers.ScalarMap[str, int]
    complete_at_unix_ms: int
    def __init__(self, found: bool = ..., erased: _Optional[_Mapping[str, int]] = ..., complete_at_unix_ms: _Optional[int] = ...) -> None: ...
