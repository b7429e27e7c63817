"""From the wire to the domain: a DecideRequest is checked whole, and every violation is reported at once."""

import hashlib
import re
from collections.abc import Container, Iterable, Sequence

from nextbest.v1 import action_pb2, decision_pb2
from nextbest_rules import ActionType, Catalog, Direction, RuleSet
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_context import read_context
from nextbest_service.api.read_identities import read_identities
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest

MAX_REQUEST_ID_BYTES = 64
MAX_PLACEMENTS = 16
MAX_ACTION_IDS = 1000

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")
_DIRECTIONS = {
    action_pb2.DIRECTION_UNSPECIFIED: None,
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

_AUDITED = {decision_pb2.AUDIT_MODE_REQUIRED: True, decision_pb2.AUDIT_MODE_BEST_EFFORT: False}
_DIGEST_BYTES = 16


def read_request(
    message: decision_pb2.DecideRequest, rules: RuleSet, *, audited: bool = False
) -> DecisionRequest:
    """Return the request as the decider sees it; `audited` is what holds where it leaves that open.

    Raises:
        InvalidRequestError: the request breaks the contract.
        UnknownReferenceError: it is well formed, but names things that the catalog does not have.
    """
    findings = Findings()
    _check_plain_fields(message, findings)
    brand = _declared(message.brand, rules.catalog.brands, "brand", findings)
    goal = _declared(message.goal, rules.catalog.goals, "goal", findings)
    candidates = _candidates(message, rules, findings)
    placements = _placements(message, rules, findings)
    channel = _channel(message, placements, rules.catalog, findings)
    _check_direction(message, placements, findings)
    identities = read_identities(message.identities, "identities", findings)
    context = read_context(message.context, rules.catalog, findings)
    findings.raise_if_any()
    return DecisionRequest(
        request_id=message.request_id,
        identities=identities,
        placements=placements,
        channel=channel,
        brand=brand or rules.catalog.default_brand,
        goal=goal or rules.catalog.default_goal,
        locale=rules.locale(message.locale),
        context=context,
        candidates=candidates,
        explain=_EXPLAIN_LEVELS[message.explain_level],
        include_content=message.include_content,
        allow_duplicates=message.allow_duplicates,
        body=digest(message) if message.request_id else b"",
        dry_run=message.dry_run,
        audited=_AUDITED.get(message.audit_mode, audited),
    )


def digest(message: decision_pb2.DecideRequest) -> bytes:
    """Return what tells a question from another one."""
    return hashlib.sha256(message.SerializeToString(deterministic=True)).digest()[:_DIGEST_BYTES]


def _check_plain_fields(message: decision_pb2.DecideRequest, findings: Findings) -> None:
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


def _declared(name: str, known: Container[str], field: str, findings: Findings) -> str:
    """Return a name that must be one of the catalog's, or empty."""
    if name and name not in known:
        findings.miss(field, f"the catalog declares no such {field}")
    return name


def _candidates(message: decision_pb2.DecideRequest, rules: RuleSet, findings: Findings) -> int:
    if not message.candidate_action_ids:
        return (1 << len(rules.catalog.actions)) - 1
    return _mask(message.candidate_action_ids, "candidate_action_ids", rules.catalog, findings)


def _placements(
    message: decision_pb2.DecideRequest, rules: RuleSet, findings: Findings
) -> tuple[PlacementRequest, ...]:
    wanted = message.placements
    if not findings.require(
        1 <= len(wanted) <= MAX_PLACEMENTS, "placements", f"1 to {MAX_PLACEMENTS} placements are needed"
    ):
        return ()
    ids = [placement.id for placement in wanted]
    for index, placement_id in enumerate(ids):
        findings.require(
            placement_id not in ids[:index],
            f"placements[{index}].id",
            "each placement may be asked for once",
        )
    return tuple(
        request
        for index, placement in enumerate(wanted)
        if (request := _placement(placement, f"placements[{index}]", rules, findings))
    )


def _placement(
    wanted: decision_pb2.PlacementRequest, path: str, rules: RuleSet, findings: Findings
) -> PlacementRequest | None:
    excluded = _mask(wanted.excluded_action_ids, f"{path}.excluded_action_ids", rules.catalog, findings)
    excluded |= ~_type_mask(wanted, path, rules, findings)
    placement = rules.catalog.placements.get(wanted.id)
    if placement is None:
        findings.miss(f"{path}.id", "the catalog declares no such placement")
        findings.require(wanted.limit >= 0, f"{path}.limit", "not below 0; 0 is the default")
        return None
    findings.require(
        0 <= wanted.limit <= placement.max_limit,
        f"{path}.limit",
        f"0 to {placement.max_limit}; 0 is the default",
    )
    return PlacementRequest(
        placement=placement,
        limit=wanted.limit or placement.default_limit,
        excluded=excluded,
    )


def _channel(
    message: decision_pb2.DecideRequest,
    asked: Sequence[PlacementRequest],
    catalog: Catalog,
    findings: Findings,
) -> str:
    """Return the channel asked for, or that of the placements; empty where they leave it open."""
    channel = _declared(message.channel, catalog.channels, "channel", findings)
    offered = {request.placement.channels for request in asked}
    if channel in catalog.channels:
        fits = all(channel in channels for channels in offered)
        findings.require(fits, "channel", "not the channel of the placements asked for")
    elif not channel and all(len(channels) == 1 for channels in offered):
        findings.require(
            len(offered) <= 1, "placements", "all placements of one request must belong to one channel"
        )
        channel = next(iter(offered))[0] if offered else ""
    elif not channel:
        findings.require(
            len(asked) == 1, "placements", "a placement of several channels stands alone, or with a channel"
        )
    return channel


def _check_direction(
    message: decision_pb2.DecideRequest, asked: Iterable[PlacementRequest], findings: Findings
) -> None:
    if findings.require(message.direction in _DIRECTIONS, "direction", "not a declared value"):
        direction = _DIRECTIONS[message.direction]
        findings.require(
            direction is None or all(request.placement.direction is direction for request in asked),
            "direction",
            "not the direction of the placements asked for",
        )


def _type_mask(wanted: decision_pb2.PlacementRequest, path: str, rules: RuleSet, findings: Findings) -> int:
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


def _mask(action_ids: Iterable[str], path: str, catalog: Catalog, findings: Findings) -> int:
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
