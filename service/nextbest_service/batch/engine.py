"""One process's part in a batch: an engine like the service's, opened once, that decides part after part."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import pyarrow as pa

from nextbest_service.batch.answers import Answer, answer_of, table_of
from nextbest_service.batch.job import Job
from nextbest_service.batch.questions import Questions
from nextbest_service.batch.row_fields import Draft, RowFields
from nextbest_service.bulk.layouts import ColumnError, Layouts
from nextbest_service.bulk.rejects import Reject, reject
from nextbest_service.bulk.shares import PATIENCE
from nextbest_service.bulk.sources import Row
from nextbest_service.composition import build_serving, feast_reader, load_parts
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.asking import Answer as Reply
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.remembered import ReusedRequestIdError
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.errors import (
    AuditUnavailableError,
    FieldViolation,
    InvalidRequestError,
    ServiceError,
    StartupError,
    StoreUnavailableError,
)
from nextbest_service.store.connection import connect, connect_for_bulk

TOGETHER = 250
"""How many customers are read in one round trip."""
_TIMEOUT_MS = 30_000
_DIGITS = 20

Asked: TypeAlias = tuple[int, DecisionRequest]
"""The number of a row, and its question."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows in a row of a file, the `number`-th of equal parts."""

    number: int
    file: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a part: a table of answers, and the rows that were refused."""

    table: pa.Table
    rejects: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class Engine:
    """Decides the rows of one job."""

    job: Job
    decider: Decider
    questions: Questions
    layouts: Layouts[Draft]

    @classmethod
    @asynccontextmanager
    async def opened(cls, job: Job) -> AsyncIterator["Engine"]:
        """Yield the engine of a job.

        Raises:
            StartupError: nothing answers at the store's URL.
            CampaignError: no question can be made of the campaign.
        """
        loaded = load_parts(job.catalog, job.home, job.model)
        catalog = loaded.rules.catalog
        layouts = Layouts(RowFields(catalog, job.mapping.reads_time()), job.mapping)
        questions = Questions.of(job, loaded.rules)
        async with AsyncExitStack() as stack:
            store = connect(job.store_url, _TIMEOUT_MS)
            stack.push_async_callback(store.aclose)
            log = DecisionLog(connect(job.store_url, _TIMEOUT_MS))
            feast = job.feast
            source = feast_reader(feast.mapping, feast.url, _TIMEOUT_MS, loaded) if feast else None
            with connect_for_bulk(job.store_url) as bulk:
                serving = build_serving(loaded, bulk, store, job.clock, log, source)
            await stack.enter_async_context(log)
            yield cls(job, serving.decider, questions, layouts)

    async def decide(self, part: Part) -> Decided:
        """Decide a part.

        Raises:
            StartupError: the store does not answer for too long.
        """
        asked, rejects = list[Asked](), list[Reject]()
        for row in part.rows:
            try:
                asked.append((row.line, self._question(row)))
            except ServiceError as error:
                rejects.append(reject(part.file, [row], error))
        lines = {row.line: row for row in part.rows}
        whose, answers = [], list[Answer]()
        for start in range(0, len(asked), TOGETHER):
            some = asked[start : start + TOGETHER]
            for (line, request), found in zip(some, await self._answers(some), strict=True):
                if isinstance(found, ServiceError):
                    rejects.append(reject(part.file, [lines[line]], found))
                else:
                    whose.append((line, request.identities[0]))
                    answers.append(found)
        return Decided(table_of(whose, answers, self.decider.generation.versions), tuple(rejects))

    def _question(self, row: Row) -> DecisionRequest:
        if row.fault:
            raise InvalidRequestError([FieldViolation("", row.fault)])
        try:
            draft = self.layouts.message(row.columns, row.cells)
        except ColumnError as fault:
            raise InvalidRequestError([FieldViolation(fault.field, fault.description)]) from None
        return self.questions.question(draft, row.line)

    async def _answers(self, asked: Sequence[Asked]) -> list[Answer | ServiceError]:
        ask = self._committed if self.job.campaign.commit else self._planned
        for pause in chain(PATIENCE, [None]):
            try:
                return await ask(asked)
            except (StoreUnavailableError, AuditUnavailableError):
                if pause is not None:
                    await asyncio.sleep(pause)
        raise StartupError("the store does not answer; run again with --resume once it does")

    async def _planned(self, asked: Sequence[Asked]) -> list[Answer | ServiceError]:
        ids = [self._planned_id(line) for line, _ in asked]
        decisions = await self.decider.plan([request for _, request in asked], ids)
        return [answer_of(decision, None) for decision in decisions]

    def _planned_id(self, line: int) -> str:
        """Return the id of a decision that is not made yet: the same whenever and wherever it is planned."""
        return hashlib.sha256(self.job.request_id(line).encode()).hexdigest()[:32]

    async def _committed(self, asked: Sequence[Asked]) -> list[Answer | ServiceError]:
        """Return what is decided for good; what was decided before is answered again."""
        ring = self.decider.people.naming.ring

        def render(decision: Decision) -> bytes:
            return answer_of(decision, ring).to_bytes()

        replies = await asyncio.gather(
            *(self.decider.decide(request, render) for _, request in asked), return_exceptions=True
        )
        return [*map(_committed_answer, replies)]


def _committed_answer(reply: Reply | BaseException) -> Answer | ServiceError:
    match reply:
        case ReusedRequestIdError():
            return reply
        case BaseException():
            raise reply
        case _:
            return Answer.from_bytes(reply.content)
