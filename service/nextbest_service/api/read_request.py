"""From the wire to the domain: a DecideRequest is checked whole, and every violation is reported at once."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nextbest.v1 import action_pb2, decision_pb2, identity_pb2, value_pb2
from nextbest_rules import ActionType, Catalog, Direction, Placement, RuleSet, ValueType
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.errors import FieldViolation, InvalidRequestError, UnknownReferenceError
from nextbest_service.store.keys import Identity

MAX_REQUEST_ID_BYTES = 64
MAX_IDENTITIES = 8
MAX_IDENTITY_BYTES = 128
MAX_PLACEMENTS = 16
MAX_ACTION_IDS = 1000
MAX_CONTEXT_ENTRIES = 64
MAX_TEXT_BYTES = 1024
MAX_LIST_ITEMS = 256
LARGEST_EXACT_INTEGER = 2**53

_NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTEXT_MAP = {
    ValueType.STRING: "strings",
    ValueType.INT: "numbers",
    ValueType.DOUBLE: "numbers",
    ValueType.TIMESTAMP: "numbers",
    ValueType.BOOL: "flags",
    ValueType.STRINGS: "lists",
}
_DIRECTIONS = {
    action_pb2.DIRECTION_INBOUND: Direction.INBOUND,
    action_pb2.DIRECTION_OUTBOUND: Direction.OUTBOUND,
}
_ACTION_TYPES = {
    action_pb2.ACTION_TYPE_OFFER: ActionType.OFFER,
    action_pb2.ACTION_TYPE_SERVICE: ActionType.SERVICE,
    action_pb2.ACTION_TYPE_INFORMATION: ActionType.INFORMATION,
}
_EXPLAIN_LEVELS = {
    decision_pb2.EXPLAIN_LEVEL_UNSPECIFIED: ExplainLevel.NONE,
    decision_pb2.EXPLAIN_LEVEL_NONE: ExplainLevel.NONE,
    decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS: ExplainLevel.EXCLUSIONS,
    decision_pb2.EXPLAIN_LEVEL_FULL: ExplainLevel.FULL,
}


@dataclass(slots=True)
class _Findings:
    """What is wrong with a request: broken fields, and names that the catalog does not know."""

    invalid: list[FieldViolation] = field(default_factory=list)
    unknown: list[FieldViolation] = field(default_factory=list)

    def reject(self, path: str, description: str) -> None:
        self.invalid.append(FieldViolation(path, description))

    def miss(self, path: str, description: str) -> None:
        self.unknown.append(FieldViolation(path, description))

    def require(self, holds: bool, path: str, description: str) -> bool:
        if not holds:
            self.reject(path, description)
        return holds

    def raise_if_any(self) -> None:
        if self.invalid:
            raise InvalidRequestError(self.invalid + self.unknown)
        if self.unknown:
            raise UnknownReferenceError(self.unknown)


def read_request(message: decision_pb2.DecideRequest, rules: RuleSet) -> DecisionRequest:
    """Return the request as the decider sees it.

    Raises:
        InvalidRequestError: the request breaks the contract.
        UnknownReferenceError: it is well formed, but names things that the catalog does not have.
    """
    findings = _Findings()
    _check_plain_fields(message, rules.catalog, findings)
    candidates = _candidates(message, rules, findings)
    placements = _placements(message, rules, candidates, findings)
    identities = _identities(message.identities, findings)
    context = _context(message.context, rules.catalog, findings)
    findings.raise_if_any()
    return DecisionRequest(
        request_id=message.request_id,
        identities=identities,
        placements=placements,
        channel=placements[0].placement.channel,
        context=context,
        candidates=candidates,
        explain=_EXPLAIN_LEVELS[message.explain_level],
        include_content=message.include_content,
        allow_duplicates=message.allow_duplicates,
    )


def _check_plain_fields(message: decision_pb2.DecideRequest, catalog: Catalog, findings: _Findings) -> None:
    findings.require(
        len(message.request_id.encode()) <= MAX_REQUEST_ID_BYTES,
        "request_id",
        f"at most {MAX_REQUEST_ID_BYTES} bytes",
    )
    findings.require(message.explain_level in _EXPLAIN_LEVELS, "explain_level", "not a declared value")
    findings.require(
        message.audit_mode in decision_pb2.AuditMode.values(), "audit_mode", "not a declared value"
    )
    findings.require(
        not message.locale or _LANGUAGE_TAG.fullmatch(message.locale) is not None,
        "locale",
        "a BCP 47 language tag, such as de-CH",
    )
    if message.channel and message.channel not in catalog.channels:
        findings.miss("channel", "the catalog declares no such channel")
    if message.brand:
        findings.miss("brand", "the catalog declares no such brand")
    if message.goal:
        findings.miss("goal", "the catalog declares no such goal")


def _identities(messages: Iterable[identity_pb2.Identity], findings: _Findings) -> tuple[Identity, ...]:
    identities = tuple(Identity(message.namespace.lower(), message.id) for message in messages)
    findings.require(
        1 <= len(identities) <= MAX_IDENTITIES, "identities", f"1 to {MAX_IDENTITIES} identities are needed"
    )
    for index, identity in enumerate(identities[:MAX_IDENTITIES]):
        findings.require(
            _NAMESPACE.fullmatch(identity.namespace) is not None,
            f"identities[{index}].namespace",
            "a letter, then at most 31 letters, digits or underscores",
        )
        findings.require(
            1 <= len(identity.id.encode()) <= MAX_IDENTITY_BYTES,
            f"identities[{index}].id",
            f"1 to {MAX_IDENTITY_BYTES} bytes",
        )
    return identities


def _candidates(message: decision_pb2.DecideRequest, rules: RuleSet, findings: _Findings) -> int:
    if not message.candidate_action_ids:
        return (1 << len(rules.catalog.actions)) - 1
    return _mask(message.candidate_action_ids, "candidate_action_ids", rules.catalog, findings)


def _placements(
    message: decision_pb2.DecideRequest, rules: RuleSet, candidates: int, findings: _Findings
) -> tuple[PlacementRequest, ...]:
    wanted = message.placements
    if not findings.require(
        1 <= len(wanted) <= MAX_PLACEMENTS, "placements", f"1 to {MAX_PLACEMENTS} placements are needed"
    ):
        return ()
    ids = [placement.id for placement in wanted]
    findings.require(len(set(ids)) == len(ids), "placements", "each placement may be asked for once")
    found = tuple(
        request
        for index, placement in enumerate(wanted)
        if (request := _placement(placement, f"placements[{index}]", message, rules, candidates, findings))
    )
    findings.require(
        len({request.placement.channel for request in found}) <= 1,
        "placements",
        "all placements of one request must belong to one channel",
    )
    return found


def _placement(
    wanted: decision_pb2.PlacementRequest,
    path: str,
    message: decision_pb2.DecideRequest,
    rules: RuleSet,
    candidates: int,
    findings: _Findings,
) -> PlacementRequest | None:
    placement = rules.catalog.placements.get(wanted.id)
    if placement is None:
        findings.miss(f"{path}.id", "the catalog declares no such placement")
        return None
    _check_surface(placement, message, findings)
    findings.require(
        0 <= wanted.limit <= placement.max_limit,
        f"{path}.limit",
        f"0 to {placement.max_limit}; 0 is the default",
    )
    excluded = _mask(wanted.excluded_action_ids, f"{path}.excluded_action_ids", rules.catalog, findings)
    excluded |= ~_type_mask(wanted, path, rules, findings)
    return PlacementRequest(
        placement=placement,
        limit=wanted.limit or placement.default_limit,
        excluded=excluded,
        wanted=rules.placement_mask(placement.id) & candidates & ~excluded,
    )


def _check_surface(placement: Placement, message: decision_pb2.DecideRequest, findings: _Findings) -> None:
    findings.require(
        message.channel in {"", placement.channel}, "channel", "not the channel of the placements asked for"
    )
    findings.require(
        message.direction == action_pb2.DIRECTION_UNSPECIFIED
        or _DIRECTIONS.get(message.direction) is placement.direction,
        "direction",
        "not the direction of the placements asked for",
    )


def _type_mask(wanted: decision_pb2.PlacementRequest, path: str, rules: RuleSet, findings: _Findings) -> int:
    if not wanted.action_types:
        return -1
    mask = 0
    for index, number in enumerate(wanted.action_types):
        action_type = _ACTION_TYPES.get(number)
        if action_type is None:
            findings.reject(f"{path}.action_types[{index}]", "not a declared action type")
        else:
            mask |= rules.type_mask(action_type)
    return mask


def _mask(action_ids: Iterable[str], path: str, catalog: Catalog, findings: _Findings) -> int:
    ids = list(action_ids)
    if not findings.require(len(ids) <= MAX_ACTION_IDS, path, f"at most {MAX_ACTION_IDS} actions"):
        return 0
    mask = 0
    for index, action_id in enumerate(ids):
        bit = catalog.index.get(action_id)
        if bit is None:
            findings.miss(f"{path}[{index}]", "the catalog has no such action")
        else:
            mask |= 1 << bit
    return mask


def _context(message: value_pb2.Context, catalog: Catalog, findings: _Findings) -> dict[str, object]:
    maps: Mapping[str, Mapping[str, object]] = {
        "strings": message.strings,
        "numbers": message.numbers,
        "flags": message.flags,
        "lists": message.lists,
    }
    entries = sum(len(values) for values in maps.values())
    if not findings.require(
        entries <= MAX_CONTEXT_ENTRIES, "context", f"at most {MAX_CONTEXT_ENTRIES} entries"
    ):
        return {}
    context: dict[str, object] = {}
    for map_name, values in maps.items():
        for key, value in values.items():
            path = f'context.{map_name}["{key[:MAX_REQUEST_ID_BYTES]}"]'
            problem, converted = _context_value(catalog, map_name, key, value)
            if problem is None and key in context:
                problem = "the key stands in two maps"
            if problem is not None:
                findings.reject(path, problem)
            context[key] = converted
    return context


def _context_value(catalog: Catalog, map_name: str, key: str, value: object) -> tuple[str | None, object]:
    """Return (what is wrong, the value in its declared type)."""
    declared = catalog.context.declarations.get(key)
    if declared is None:
        return "the catalog declares no such context", None
    if _CONTEXT_MAP.get(declared.type) != map_name:
        return (
            f"declared as {declared.type}: it belongs into {_CONTEXT_MAP.get(declared.type, 'no map')}",
            None,
        )
    match value:
        case str():
            too_long = len(value.encode()) > MAX_TEXT_BYTES
            return (f"at most {MAX_TEXT_BYTES} bytes" if too_long else None), value
        case bool():
            return None, value
        case float():
            return _context_number(declared.type, value)
        case value_pb2.StringList():
            too_many = len(value.values) > MAX_LIST_ITEMS
            return (f"at most {MAX_LIST_ITEMS} items" if too_many else None), list(value.values)
    raise AssertionError("the contract's maps have no other types")


def _context_number(declared_type: ValueType, number: float) -> tuple[str | None, object]:
    if not math.isfinite(number):
        return "must be a finite number", None
    if declared_type is ValueType.DOUBLE:
        return None, number
    if not number.is_integer() or abs(number) >= LARGEST_EXACT_INTEGER:
        return "must be a whole number below 2^53 in size", None
    if declared_type is ValueType.INT:
        return None, int(number)
    try:
        return None, _EPOCH + timedelta(milliseconds=number)
    except OverflowError:
        return "not a time between the years 1 and 9999", None
