"""From the wire to the domain: a DecideRequest is checked whole, and every violation is reported at once."""

import hashlib
import re
from collections.abc import Container, Iterable, Sequence

from nextbest.v1 import action_pb2, decision_pb2
from nextbest_rules import ActionType, Catalog, Direction, RuleSet
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_context import ContextReader
from nextbest_service.api.read_identities import read_identities
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest

MAX_REQUEST_ID_BYTES = 64
MAX_PLACEMENTS = 16
MAX_ACTION_IDS = 1000
MAX_ACTION_TYPES = 16

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
    """Return one request as the decider sees it; see `CloseReader.read`."""
    return CloseReader(rules, audited=audited).read(message)


class CloseReader:
    """Reads the requests to one catalog field by field; `audited` is what holds where they leave that open.

    What a request leaves out costs next to nothing, and nothing is noted unless something is wrong.
    """

    def __init__(self, rules: RuleSet, *, audited: bool = False) -> None:
        self._rules, self._catalog = rules, rules.catalog
        self._every = (1 << len(rules.catalog.actions)) - 1
        self._bits = {action_id: 1 << bit for action_id, bit in rules.catalog.index.items()}
        self._contexts = ContextReader(rules.catalog)
        self._default_locale = rules.locale("")
        self._audited = {**_AUDITED, decision_pb2.AUDIT_MODE_UNSPECIFIED: audited}

    def read(self, message: decision_pb2.DecideRequest) -> DecisionRequest:
        """Return the request as the decider sees it.

        Raises:
            InvalidRequestError: the request breaks the contract.
            UnknownReferenceError: it is well formed, but names things that the catalog does not have.
        """
        findings, catalog = Findings(), self._catalog
        request_id, locale, wanted = message.request_id, message.locale, message.candidate_action_ids
        explain, audited = _EXPLAIN_LEVELS.get(message.explain_level), self._audited.get(message.audit_mode)
        if request_id or locale or explain is None or audited is None:
            _check_plain_fields(message, findings)
        brand, goal = message.brand, message.goal
        if brand or goal:
            _check_declared(brand, catalog.brands, "brand", findings)
            _check_declared(goal, catalog.goals, "goal", findings)
        candidates = self._mask(wanted, "candidate_action_ids", findings) if wanted else self._every
        placements = self._placements(message.placements, findings)
        channel = _channel(message, placements, catalog, findings)
        if message.direction:
            _check_direction(message, placements, findings)
        identities = read_identities(message.identities, "identities", findings)
        context = self._contexts.read(message.context, findings) if message.HasField("context") else {}
        findings.raise_if_any()
        return DecisionRequest(
            request_id,
            identities,
            placements,
            channel,
            brand or catalog.default_brand,
            goal or catalog.default_goal,
            self._rules.locale(locale) if locale else self._default_locale,
            context,
            candidates,
            explain or ExplainLevel.NONE,
            message.include_content,
            message.allow_duplicates,
            digest(message) if request_id else b"",
            message.dry_run,
            bool(audited),
        )

    def _placements(
        self, wanted: Sequence[decision_pb2.PlacementRequest], findings: Findings
    ) -> tuple[PlacementRequest, ...]:
        if not 1 <= len(wanted) <= MAX_PLACEMENTS:
            findings.reject("placements", f"1 to {MAX_PLACEMENTS} placements are needed")
            return ()
        if len(wanted) > 1:
            _check_different(wanted, findings)
        found = [self._placement(it, f"placements[{index}]", findings) for index, it in enumerate(wanted)]
        return tuple([request for request in found if request is not None])

    def _placement(
        self, wanted: decision_pb2.PlacementRequest, path: str, findings: Findings
    ) -> PlacementRequest | None:
        excluded = self._mask(wanted.excluded_action_ids, f"{path}.excluded_action_ids", findings)
        excluded |= ~_type_mask(wanted, path, self._rules, findings)
        placement = self._catalog.placements.get(wanted.id)
        if placement is None:
            findings.miss(f"{path}.id", "the catalog declares no such placement")
            findings.require(wanted.limit >= 0, f"{path}.limit", "not below 0; 0 is the default")
            return None
        findings.require(
            0 <= wanted.limit <= placement.max_limit,
            f"{path}.limit",
            f"0 to {placement.max_limit}; 0 is the default",
        )
        return PlacementRequest(placement, wanted.limit or placement.default_limit, excluded)

    def _mask(self, action_ids: Sequence[str], path: str, findings: Findings) -> int:
        if not findings.require(len(action_ids) <= MAX_ACTION_IDS, path, f"at most {MAX_ACTION_IDS} actions"):
            return 0
        mask, bits = 0, self._bits
        for index, action_id in enumerate(action_ids):
            if action_id in bits:
                mask |= bits[action_id]
            else:
                findings.miss(f"{path}[{index}]", "the catalog has no such action")
        return mask


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


def _check_declared(name: str, known: Container[str], field: str, findings: Findings) -> None:
    """Note a name that is none of the catalog's; an empty one leaves it open."""
    if name and name not in known:
        findings.miss(field, f"the catalog declares no such {field}")


def _channel(
    message: decision_pb2.DecideRequest,
    asked: Sequence[PlacementRequest],
    catalog: Catalog,
    findings: Findings,
) -> str:
    """Return the channel asked for, or that of the placements; empty where they leave it open."""
    channel = message.channel
    if not channel and len(asked) == 1:
        own = asked[0].placement.channels
        return own[0] if len(own) == 1 else ""
    _check_declared(channel, catalog.channels, "channel", findings)
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


def _check_different(wanted: Sequence[decision_pb2.PlacementRequest], findings: Findings) -> None:
    ids = [placement.id for placement in wanted]
    for index, placement_id in enumerate(ids):
        findings.require(
            placement_id not in ids[:index],
            f"placements[{index}].id",
            "each placement may be asked for once",
        )


def _type_mask(wanted: decision_pb2.PlacementRequest, path: str, rules: RuleSet, findings: Findings) -> int:
    if not wanted.action_types:
        return -1
    if not findings.require(
        len(wanted.action_types) <= MAX_ACTION_TYPES, f"{path}.action_types", f"at most {MAX_ACTION_TYPES}"
    ):
        return -1
    mask = 0
    for index, number in enumerate(wanted.action_types):
        action_type = _ACTION_TYPES.get(number)
        if action_type is None:
            findings.reject(f"{path}.action_types[{index}]", "not a declared action type")
        else:
            mask |= rules.type_mask(action_type)
    return mask
