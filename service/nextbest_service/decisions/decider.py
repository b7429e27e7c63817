"""The way of one decision: read, screen, score, arbitrate. It reads top to bottom."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np
import structlog
from numpy.typing import NDArray

from nextbest_models.ranker import ModelError
from nextbest_rules import Situation
from nextbest_service.clock import Clock
from nextbest_service.decisions.arbitration import Factors, Rows, Slot, fill_slots
from nextbest_service.decisions.bitmask import flags_of, rows_of
from nextbest_service.decisions.decision import (
    Decision,
    Degradation,
    PlacedExclusion,
    PlacementDecision,
    Proposition,
    SelectionType,
    Timing,
)
from nextbest_service.decisions.exclusions import explain_exclusions
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel
from nextbest_service.store.customers import Customer, CustomerStore
from nextbest_service.store.features import FeatureReader

log = structlog.get_logger()


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
        now_ms = self.clock.now_ms()
        watch = _Stopwatch()
        customer = await self.customers.load(request.identities, self.reader, now_ms)
        watch.lap()
        situation = self._situation(request, customer, now_ms)
        live = self.generation.rules.screen(situation).live
        watch.lap()
        factors, degraded = self._score(live & _wanted(request), request, customer, now_ms)
        watch.lap()
        slates = self._arbitrate(factors, request)
        placements = tuple(
            PlacementDecision(asked, self._propositions(factors, chosen))
            for asked, chosen in zip(request.placements, slates, strict=True)
        )
        watch.lap()
        exclusions = self._exclusions(request, situation, factors, slates)
        watch.lap()
        return Decision(
            id=_decision_id(now_ms),
            decided_at_ms=now_ms,
            placements=placements,
            selection_type=SelectionType.STATIC if degraded else SelectionType.RANKED,
            exclusions=exclusions,
            customer_known=customer.known,
            degraded=(*degraded, *([Degradation.STATE_UNREADABLE] if customer.unreadable else [])),
            stale_features=customer.defaulted,
            timing=Timing(*watch.laps_us),
        )

    def _situation(self, request: DecisionRequest, customer: Customer, now_ms: int) -> Situation:
        features = self.generation.ageing.aged(customer.features, now_ms).tolist()
        return Situation(
            now_ms=now_ms,
            known=customer.known,
            channel=request.channel,
            facts=customer.facts,
            features=dict(zip(self.generation.spec.customer_names, features, strict=True)),
            context=request.context,
        )

    def _score(
        self, survivors: int, request: DecisionRequest, customer: Customer, now_ms: int
    ) -> tuple[Factors, tuple[Degradation, ...]]:
        generation = self.generation
        rows = rows_of(survivors, len(generation.catalog.actions))
        propensity, degraded = self._propensity(rows, request, customer, now_ms)
        factors = Factors(
            rows=rows,
            propensity=propensity,
            value=generation.values[rows],
            context_weight=np.ones(len(rows)),
            lever=generation.levers[rows],
        )
        return factors, degraded

    def _propensity(
        self, rows: Rows, request: DecisionRequest, customer: Customer, now_ms: int
    ) -> tuple[NDArray[np.float64], tuple[Degradation, ...]]:
        generation = self.generation
        if generation.ranker is None:
            return generation.priors[rows], (Degradation.MODEL_UNAVAILABLE,)
        matrix = generation.assembler.assemble(customer.features, _numbers(request), rows, now_ms)
        try:
            return generation.ranker.propensities(matrix), ()
        except ModelError as error:
            log.error("ranking_failed", error=str(error))
            return generation.priors[rows], (Degradation.SCORE_NOT_FINITE,)

    def _arbitrate(self, factors: Factors, request: DecisionRequest) -> tuple[Rows, ...]:
        size = len(self.generation.catalog.actions)
        slots = [
            Slot(accepts=flags_of(asked.wanted, size)[factors.rows], limit=asked.limit)
            for asked in request.placements
        ]
        return fill_slots(factors.priority, slots, allow_duplicates=request.allow_duplicates)

    def _exclusions(
        self, request: DecisionRequest, situation: Situation, factors: Factors, slates: Sequence[Rows]
    ) -> tuple[PlacedExclusion, ...]:
        if request.explain < ExplainLevel.EXCLUSIONS:
            return ()
        return explain_exclusions(self.generation.rules, situation, request, factors, slates)

    def _propositions(self, factors: Factors, chosen: Rows) -> tuple[Proposition, ...]:
        return tuple(
            Proposition(
                action=self.generation.catalog.actions[row],
                row=row,
                rank=rank,
                propensity=propensity,
                value=value,
                context_weight=context_weight,
                lever=lever,
                priority=priority,
            )
            for rank, (row, propensity, value, context_weight, lever, priority) in enumerate(
                zip(*_columns(factors, chosen), strict=True), start=1
            )
        )


class _Stopwatch:
    """Takes the microseconds between one lap and the next."""

    __slots__ = ("_since", "laps_us")

    def __init__(self) -> None:
        self.laps_us: list[int] = []
        self._since = perf_counter_ns()

    def lap(self) -> None:
        now = perf_counter_ns()
        self.laps_us.append((now - self._since) // 1000)
        self._since = now


def _columns(factors: Factors, chosen: Rows) -> Sequence[list[float]]:
    return [
        column[chosen].tolist()
        for column in (
            factors.rows,
            factors.propensity,
            factors.value,
            factors.context_weight,
            factors.lever,
            factors.priority,
        )
    ]


def _wanted(request: DecisionRequest) -> int:
    wanted = 0
    for asked in request.placements:
        wanted |= asked.wanted
    return wanted


def _numbers(request: DecisionRequest) -> dict[str, float]:
    """Return the numeric part of the context: what features may read."""
    return {
        name: float(value)
        for name, value in request.context.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _decision_id(now_ms: int) -> str:
    """Return 32 hex digits: the time, so that ids sort by it, and 80 random bits."""
    return f"{now_ms:012x}{os.urandom(10).hex()}"
