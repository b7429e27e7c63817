"""The OutcomeService: it only translates between the wire and the intake."""

from collections.abc import Callable

from nextbest.v1 import outcome_pb2
from nextbest_service.api.batches import check_batch, read_batch, render_batch
from nextbest_service.api.read_outcome import OutcomeReader
from nextbest_service.api.refusals import Context
from nextbest_service.customers.intake import Intake, Reported
from nextbest_service.metrics.items import Items


class OutcomeServicer:
    """Serves `nextbest.v1.OutcomeService`.

    `current_intake` returns the intake of the generation in use, or raises NotReadyError. `items` counts what
    comes in; None: nothing does.
    """

    def __init__(self, current_intake: Callable[[], Intake], items: Items | None = None) -> None:
        self._current_intake = current_intake
        self._items = items

    async def report_outcomes(
        self, message: outcome_pb2.ReportOutcomesRequest, _context: Context
    ) -> outcome_pb2.ReportOutcomesResponse:
        """Take what happened to propositions."""
        intake = self._current_intake()
        check_batch(message.outcomes, "outcomes")
        reader = OutcomeReader.of(intake.books.catalog, intake.people.naming.ring)

        def read(outcome: outcome_pb2.Outcome, path: str) -> Reported:
            return Reported(outcome.source, outcome.id, reader.read(outcome, path), path)

        batch = await read_batch(message.outcomes, "outcomes", read)
        results = render_batch(batch, await intake.report(batch.sound))
        if self._items is not None:
            self._items.add("outcome", (result.status for result in results))
        return outcome_pb2.ReportOutcomesResponse(results=results)
