"""From what a row says to the question that is asked about it: checked as the service checks it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from nextbest.v1 import decision_pb2, identity_pb2, value_pb2
from nextbest_rules import RuleSet
from nextbest_service.api.read_identities import MAX_IDENTITIES
from nextbest_service.api.read_request import read_request
from nextbest_service.batch.job import CampaignError, Job
from nextbest_service.batch.row_fields import Draft, Scalar, context_reader
from nextbest_service.bulk.cells import CellError
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.errors import (
    FieldViolation,
    InvalidRequestError,
    ServiceError,
    UnknownReferenceError,
)
from nextbest_service.store.keys import Identity

_MOST_TEMPLATES = 10_000
_NOBODY = identity_pb2.Identity(namespace="customer", id="nobody")
_BODY_BYTES = 16
Template: TypeAlias = partial[DecisionRequest]
"""Makes questions that differ only in whom they are about: cheaper than copies of one question."""
_EXPLAIN_LEVELS = (decision_pb2.EXPLAIN_LEVEL_NONE, decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS)


@dataclass(slots=True)
class Questions:
    """Makes the questions of a job; rows that differ only in whom they are about share a template."""

    job: Job
    rules: RuleSet
    _general: Mapping[str, Scalar]
    _templates: dict[object, Template] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job, rules: RuleSet) -> "Questions":
        """Return what makes the questions of a job.

        Raises:
            CampaignError: no question can be made of the campaign.
        """
        try:
            questions = cls(job, rules, _general_context(job, rules))
            questions.template(Draft())
        except ServiceError as error:
            faults = (f"{_option(it.field)}: {it.description}" for it in error.violations)
            raise CampaignError("; ".join(faults) or error.message) from None
        return questions

    def question(self, draft: Draft, line: int) -> DecisionRequest:
        """Return the question of a row.

        Raises:
            InvalidRequestError, UnknownReferenceError: the service would refuse it.
        """
        identities = _identities(draft)
        template = self.template(draft)
        if not self.job.campaign.commit:
            return template(identities=identities)
        body = template.keywords["body"] + repr(identities).encode()
        return template(
            identities=identities,
            request_id=self.job.request_id(line),
            body=hashlib.sha256(body).digest()[:_BODY_BYTES],
        )

    def template(self, draft: Draft) -> Template:
        """Return the question of a row without whom it is about."""
        key = (tuple(draft.own.items()), tuple(draft.context.items()))
        found = self._templates.get(key)
        if found is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            read = self._read(draft)
            found = self._templates[key] = partial(DecisionRequest, **read._asdict())
        return found

    def _read(self, draft: Draft) -> DecisionRequest:
        asked = self.job.campaign
        own: dict[str, Any] = {
            "channel": asked.channel,
            "brand": asked.brand,
            "goal": asked.goal,
            "locale": asked.locale,
            **draft.own,
        }
        message = decision_pb2.DecideRequest(
            identities=[_NOBODY],
            placements=[
                decision_pb2.PlacementRequest(
                    id=asked.placement, limit=asked.limit, excluded_action_ids=asked.excluded
                )
            ],
            context=_message({**self._general, **draft.context}),
            candidate_action_ids=asked.candidates,
            explain_level=_EXPLAIN_LEVELS[asked.explain],
            include_content=asked.content,
            # Marks the remembered answers of batches, which have a form of their own.
            request_id=f"batch {asked.digest}" if asked.commit else "",
            dry_run=not asked.commit,
            audit_mode=decision_pb2.AUDIT_MODE_REQUIRED,
            **own,
        )
        return read_request(message, self.rules)


def _option(field: str) -> str:
    """Return a field of the request by the name that people know it by."""
    name, _, rest = field.partition("[0].")
    known = {"placements": {"id": "placement", "excluded_action_ids": "exclude"}}
    return known.get(name, {}).get(rest.partition("[")[0], rest or name)


def _identities(draft: Draft) -> tuple[Identity, ...]:
    names = draft.names
    if not 1 <= len(names) <= MAX_IDENTITIES:
        raise InvalidRequestError([FieldViolation("identities", f"1 to {MAX_IDENTITIES} names are needed")])
    identities = tuple(Identity(namespace, id_) for namespace, id_ in names)
    for identity in identities:
        if faults := identity.faults:
            raise InvalidRequestError([FieldViolation(name, text) for name, text in faults.items()])
    return identities


def _general_context(job: Job, rules: RuleSet) -> dict[str, Scalar]:
    """Return what the campaign says of the context, in the declared types."""
    context: dict[str, Scalar] = {}
    for key, text in job.campaign.context:
        try:
            context[key] = context_reader(rules.catalog, key, job.mapping.reads_time())(text)
        except KeyError:
            fault = FieldViolation(f"context.{key}", "the catalog declares no such context")
            raise UnknownReferenceError([fault]) from None
        except CellError as error:
            raise InvalidRequestError([FieldViolation(f"context.{key}", str(error))]) from None
    return context


def _message(values: Mapping[str, Scalar]) -> value_pb2.Context:
    context = value_pb2.Context()
    for key, value in values.items():
        match value:
            case bool():
                context.flags[key] = value
            case str():
                context.strings[key] = value
            case tuple():
                context.lists[key].values.extend(value)
            case _:
                context.numbers[key] = value
    return context
