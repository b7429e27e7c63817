"""Reads questions quickly that ask for what was asked for before: nearly all of them.

Callers ask for few combinations of placements, limits, channel and the like. What such a combination means
to the catalog is checked and resolved once; then only who asks, and in which context, is new.
"""

from collections.abc import Collection, Hashable

from nextbest.v1 import decision_pb2, identity_pb2
from nextbest_rules import RuleSet
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_context import ContextReader
from nextbest_service.api.read_identities import MAX_IDENTITIES
from nextbest_service.api.read_request import MAX_REQUEST_ID_BYTES, CloseReader, digest
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.store.keys import MAX_IDENTITY_BYTES, Identity

_MOST_TEMPLATES = 1024
_MOST_NAMESPACES = 1024
_BYTES_PER_CHARACTER = 4


class RequestReader:
    """Reads requests against one rule set. `audited` is what holds where a request leaves that open."""

    __slots__ = ("_close", "_contexts", "_namespaces", "_templates", "rules")

    def __init__(self, rules: RuleSet, *, audited: bool = False) -> None:
        self.rules = rules
        self._templates: dict[Hashable, DecisionRequest] = {}
        self._namespaces: set[str] = set()
        self._contexts = ContextReader(rules.catalog)
        self._close = CloseReader(rules, audited=audited)

    def read(self, message: decision_pb2.DecideRequest) -> DecisionRequest:
        """Return what `CloseReader.read` returns.

        Raises:
            InvalidRequestError: the request breaks the contract.
            UnknownReferenceError: it is well formed, but names things that the catalog does not have.
        """
        key = _key(message)
        template = self._templates.get(key)
        identities = self._identities(message.identities)
        request_id = message.request_id
        if template is None or identities is None or len(request_id.encode()) > MAX_REQUEST_ID_BYTES:
            return self._read_closely(key, message)
        context: dict[str, object] = {}
        if message.HasField("context"):
            findings = Findings()
            context = self._contexts.read(message.context, findings)
            findings.raise_if_any()  # the rest is sound
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
            digest(message) if request_id else b"",
            template.dry_run,
            template.audited,
        )

    def _read_closely(self, key: Hashable, message: decision_pb2.DecideRequest) -> DecisionRequest:
        request = self._close.read(message)
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
