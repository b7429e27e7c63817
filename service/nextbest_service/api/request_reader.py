"""Reads questions quickly that ask for what was asked for before: nearly all of them.

Callers ask for few combinations of placements, limits, channel and the like. What such a combination means
to the catalog is checked and resolved once; then only who asks, and in which context, is new.
"""

from collections.abc import Collection, Hashable

from nextbest.v1 import decision_pb2, identity_pb2, value_pb2
from nextbest_rules import RuleSet, ValueType
from nextbest_service.api.read_context import MAX_ENTRIES
from nextbest_service.api.read_identities import MAX_IDENTITIES
from nextbest_service.api.read_request import MAX_REQUEST_ID_BYTES, digest, read_request
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.store.keys import MAX_IDENTITY_BYTES, Identity

_MOST_TEMPLATES = 1024
_MOST_NAMESPACES = 1024
_BYTES_PER_CHARACTER = 4
_SHORT_TEXT = 256
"""Characters of a text that is certainly not too long."""


class RequestReader:
    """Reads requests against one rule set. `audited` is what holds where a request leaves that open."""

    __slots__ = ("_audited", "_namespaces", "_templates", "_texts", "rules")

    def __init__(self, rules: RuleSet, *, audited: bool = False) -> None:
        self.rules = rules
        self._audited = audited
        self._templates: dict[Hashable, DecisionRequest] = {}
        self._namespaces: set[str] = set()
        declarations = rules.catalog.context.declarations
        self._texts = frozenset(
            name for name, declared in declarations.items() if declared.type is ValueType.STRING
        )

    def read(self, message: decision_pb2.DecideRequest) -> DecisionRequest:
        """Return what `read_request` returns.

        Raises:
            InvalidRequestError: the request breaks the contract.
            UnknownReferenceError: it is well formed, but names things that the catalog does not have.
        """
        key = _key(message)
        template = self._templates.get(key)
        identities = self._identities(message.identities)
        context = self._context(message.context) if message.HasField("context") else {}
        if template is None or identities is None or context is None:
            return self._read_closely(key, message)
        request_id, body = message.request_id, b""
        if request_id:
            if len(request_id.encode()) > MAX_REQUEST_ID_BYTES:
                return self._read_closely(key, message)
            body = digest(message)
        return DecisionRequest(
            request_id,
            identities,
            template.placements,
            template.channel,
            template.brand,
            template.goal,
            template.locale,
            context,
            template.candidates,
            template.explain,
            template.include_content,
            template.allow_duplicates,
            body,
            template.dry_run,
            template.audited,
        )

    def _read_closely(self, key: Hashable, message: decision_pb2.DecideRequest) -> DecisionRequest:
        request = read_request(message, self.rules, audited=self._audited)
        if key is not None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            self._templates[key] = request._replace(request_id="", identities=(), context={}, body=b"")
        if len(self._namespaces) < _MOST_NAMESPACES:
            self._namespaces.update(identity.namespace for identity in request.identities)
        return request

    def _identities(self, messages: Collection[identity_pb2.Identity]) -> tuple[Identity, ...] | None:
        """Return names that are plainly sound; None where somebody has to look closely."""
        if not 1 <= len(messages) <= MAX_IDENTITIES:
            return None
        identities = tuple([Identity(message.namespace, message.id) for message in messages])
        for namespace, id_ in identities:
            if namespace not in self._namespaces or not 1 <= len(id_) <= _SHORT_ID:
                return None
        return identities

    def _context(self, message: value_pb2.Context) -> dict[str, object] | None:
        """Return a context of plainly sound texts; None where somebody has to look closely."""
        if message.numbers or message.flags or message.lists:
            return None
        context: dict[str, object] = {}
        strings, texts = message.strings, self._texts
        for name in strings:
            text = strings[name]
            if name not in texts or len(text) > _SHORT_TEXT:
                return None
            context[name] = text
        return context if len(context) <= MAX_ENTRIES else None


_SHORT_ID = MAX_IDENTITY_BYTES // _BYTES_PER_CHARACTER


def _key(message: decision_pb2.DecideRequest) -> Hashable:
    """Return what a question has in common with others like it; None if it names actions, as few do."""
    if message.candidate_action_ids:
        return None
    placements = []
    for placement in message.placements:
        if placement.excluded_action_ids or placement.action_types:
            return None
        placements.append((placement.id, placement.limit))
    return (
        tuple(placements),
        message.channel,
        message.direction,
        message.brand,
        message.goal,
        message.locale,
        message.explain_level,
        message.include_content,
        message.allow_duplicates,
        message.dry_run,
        message.audit_mode,
    )
