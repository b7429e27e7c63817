"""ExplainDecision: from an id or a token to a decision as it was made."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from nextbest.v1 import admin_pb2, decision_pb2, error_pb2
from nextbest_service.admin.kills import KillSwitch
from nextbest_service.admin.past import NotReproducibleError, Record, find, made_again
from nextbest_service.api.refusals import Context
from nextbest_service.api.render_answer import AnswerRenderer
from nextbest_service.api.render_past import render_record
from nextbest_service.customers.tokens import TokenReader
from nextbest_service.decision_log.entries import ID_BYTES, LogFormatError
from nextbest_service.decisions.decider import Decider
from nextbest_service.errors import FieldViolation, InvalidRequestError, UnknownDecisionError

NOT_REPRODUCED = "NOT_REPRODUCED"


@dataclass(frozen=True, slots=True)
class PastDecisions:
    """Finds decisions in the log, and makes them again by the generation in use."""

    decider: Callable[[], Decider]
    kills: KillSwitch

    async def explain(
        self, message: admin_pb2.ExplainDecisionRequest, _: Context
    ) -> admin_pb2.ExplainDecisionResponse:
        """Show a decision as it was made."""
        decider = self.decider()
        decision_id = _decision_id(message, decider)
        try:
            record = await find(decider.log.store, self.kills.clock, decision_id)
        except LogFormatError as error:
            raise UnknownDecisionError from error
        if record is None:
            raise UnknownDecisionError
        kills = (await self.kills.stopped()).kills
        try:
            decision = await asyncio.to_thread(made_again, record, decider.generation, decider.legend, kills)
        except NotReproducibleError as error:
            return _as_recorded(record, str(error))
        answer = AnswerRenderer(decider.generation).render(decision, None)
        return admin_pb2.ExplainDecisionResponse(
            decision=decision_pb2.DecideResponse.FromString(answer), reproduced=True
        )


def _decision_id(message: admin_pb2.ExplainDecisionRequest, decider: Decider) -> str:
    match message.WhichOneof("decision"):
        case "token":
            reader = TokenReader.of(decider.people.naming.ring, decider.generation.catalog)
            return reader.read(message.token).decision
        case "decision_id":
            try:
                if len(bytes.fromhex(message.decision_id)) == ID_BYTES:
                    return message.decision_id
            except ValueError:
                pass
            raise InvalidRequestError([FieldViolation("decision_id", "expected 32 hex digits")])
        case _:
            raise InvalidRequestError([FieldViolation("decision", "an id or a token is needed")])


def _as_recorded(record: Record, why: str) -> admin_pb2.ExplainDecisionResponse:
    problem = error_pb2.Error(
        code=grpc.StatusCode.FAILED_PRECONDITION.value[0], reason=NOT_REPRODUCED, message=why
    )
    return admin_pb2.ExplainDecisionResponse(decision=render_record(record.logged), problem=problem)
