"""Loads outcomes: of our own propositions by their tokens, and of contacts that others made, by name."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from nextbest.v1 import identity_pb2
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_identities import read_identities
from nextbest_service.api.read_outcome import OutcomeReader
from nextbest_service.bulk.outcome_fields import OutcomeRow
from nextbest_service.bulk.results import Result
from nextbest_service.customers.incoming import ReportedOutcome, Status
from nextbest_service.customers.intake import Intake, Reported, origin_of, refuse_future
from nextbest_service.customers.naming import Who
from nextbest_service.customers.outcomes import apply_outcome
from nextbest_service.customers.person import Person
from nextbest_service.customers.tokens import Attribution, issue
from nextbest_service.errors import ServiceError
from nextbest_service.store.updates import Update

OUTCOMES = 500
"""How many are read and written at once."""
_NEVER_MS = 2**53
_DECISION_BYTES = 16


@dataclass(frozen=True, slots=True)
class OutcomeLoader:
    """Counts outcomes. Those with a token go the way of the API, decision log included."""

    intake: Intake
    reader: OutcomeReader

    async def load(self, messages: Sequence[OutcomeRow]) -> list[Result]:
        """Load outcomes and return what became of each."""
        results: dict[int, Result] = {}
        own: dict[int, Reported] = {}
        others: dict[int, Update[Status]] = {}
        for place, row in enumerate(messages):
            try:
                if row.outcome.token:
                    outcome = self.reader.read(row.outcome, "")
                    own[place] = Reported(row.outcome.source, row.outcome.id, outcome, "")
                else:
                    others[place] = self._of_others(row)
            except ServiceError as error:
                results[place] = error
        for some in _slices([*own]):
            found = await self.intake.report([own[place] for place in some])
            results.update(zip(some, found, strict=True))
        for some in _slices([*others]):
            found = await self.intake.people.update([others[place] for place in some])
            results.update(zip(some, found, strict=True))
        return [results[place] for place in range(len(messages))]

    def _of_others(self, row: OutcomeRow) -> Update[Status]:
        """Return what counts a contact that others made.

        It gets a token as if it were ours, so that it is checked in the same way.

        Raises:
            InvalidRequestError: it breaks the contract, or tells neither whom nor what it is about.
        """
        findings = Findings()
        named = [identity_pb2.Identity(namespace=namespace, id=id_) for namespace, id_ in row.identities]
        names = read_identities(named, "identities", findings)
        findings.require(row.action != "", "action_id", "is needed where there is no token")
        findings.require(row.outcome.time_unix_ms > 0, "time", "is needed where there is no token")
        findings.raise_if_any()
        naming = self.intake.people.naming
        who = naming.who(names)
        row.outcome.token = issue(naming.ring, _attribution(row, who))
        return _update(self.intake, who, self.reader.read(row.outcome, ""))


def _attribution(row: OutcomeRow, who: Who) -> Attribution:
    contact = f"{row.outcome.source}\0{row.decision or row.outcome.id}".encode()
    return Attribution(
        decision=hashlib.blake2b(contact, digest_size=_DECISION_BYTES).hexdigest(),
        ref=who.refs[0],
        action=row.action,
        placement="",
        channel=row.channel,
        brand=row.brand,
        treatment="",
        rank=0,
        selection_probability=0.0,
        propensity=0.0,
        decided_at_ms=row.outcome.time_unix_ms,
        expires_ms=_NEVER_MS,
    )


def _update(intake: Intake, who: Who, outcome: ReportedOutcome) -> Update[Status]:
    def change(person: Person, now_ms: int) -> tuple[Person, Status]:
        refuse_future(outcome.time_ms or 0, now_ms, "time")
        origin = origin_of(person, who, intake.people.naming)
        return apply_outcome(intake.books, person, origin, outcome, now_ms)

    return Update(who.refs, who.names, change)


def _slices(places: Sequence[int]) -> list[Sequence[int]]:
    return [places[start : start + OUTCOMES] for start in range(0, len(places), OUTCOMES)]
