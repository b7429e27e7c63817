"""The way of one decision: read what is known of the customer, then deliberate."""

from dataclasses import dataclass

from nextbest_service.clock import Clock
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.store.customers import CustomerStore
from nextbest_service.store.features import FeatureReader


@dataclass(frozen=True, slots=True)
class Decider:
    """Answers decision requests for one generation."""

    generation: Generation
    reader: FeatureReader
    customers: CustomerStore
    clock: Clock

    async def decide(self, request: DecisionRequest) -> Decision:
        """Return what is best for this customer in each placement asked for.

        Raises:
            StoreUnavailableError: the customer's state could not be read.
        """
        now_ms, watch, generation = self.clock.now_ms(), Stopwatch(), self.generation
        reading = await self.customers.load(request.identities, self.reader, now_ms, generation.plan)
        watch.lap()
        return deliberate(generation, request, reading, now_ms, watch)
