"""Renders what fills the placements as propositions."""

from collections.abc import Sequence
from typing import NamedTuple

from nextbest_models.ladder import Maturity
from nextbest_rules import Action, Treatment
from nextbest_service.decisions.arbitration import Choice
from nextbest_service.decisions.decision import NO_PARAMETERS, PlacementDecision, Proposition, SelectionType
from nextbest_service.decisions.factors import Factors
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.reach import Reach
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.decisions.showing import Showing
from nextbest_service.decisions.slates import Parameters, Slates

_MATURITIES = {maturity.value: maturity for maturity in Maturity}
_BY_PRIORITY = (SelectionType.RANKED, SelectionType.STATIC, SelectionType.EXPLORED)


def propositions(
    generation: Generation,
    request: DecisionRequest,
    reach: Reach,
    shown: Sequence[Showing],
    factors: Factors,
    slates: Slates,
    ranked: SelectionType,
    now_ms: int,
) -> tuple[PlacementDecision, ...]:
    """Return the chosen actions as propositions, per placement."""
    render = _Renderer(generation, request.include_content, factors, slates.parameters, ranked, now_ms)
    return tuple(
        [
            PlacementDecision(
                showing.asked,
                tuple(
                    [
                        render.proposition(showing, choice, rank, reach.send_at_ms)
                        for rank, choice in enumerate(chosen, start=1)
                    ]
                ),
            )
            for showing, chosen in zip(shown, slates.chosen, strict=True)
        ]
    )


class _Renderer(NamedTuple):
    """What all propositions of an answer have in common."""

    generation: Generation
    with_content: bool
    factors: Factors
    parameters: Parameters
    ranked: SelectionType
    now_ms: int

    def proposition(self, showing: Showing, choice: Choice, rank: int, send_at_ms: int | None) -> Proposition:
        factors, candidate, placement = self.factors, choice.candidate, showing.asked.placement
        row = factors.rows.item(candidate)
        action = self.generation.catalog.actions[row]
        approach, treatment = showing.of(row)
        treatment_id = treatment.id if treatment else ""
        selection = self._selection(choice, is_fallback=action.id == placement.fallback)
        propensity, value, context_weight, lever, _, priority = factors.figures[:, candidate].tolist()
        content, parameters = "", NO_PARAMETERS
        if self.with_content:
            content = self.generation.content(row, treatment_id)
            parameters = self.parameters.get((placement.id, row), NO_PARAMETERS)
        return Proposition(
            action,
            rank,
            selection,
            propensity,
            value,
            context_weight,
            lever,
            priority,
            approach.channel,
            treatment_id,
            content,
            parameters,
            _expires_at_ms(action, treatment, self.now_ms),
            send_at_ms,
            choice.probability,
            _MATURITIES[factors.maturity.item(candidate)] if selection in _BY_PRIORITY else None,
        )

    def _selection(self, choice: Choice, *, is_fallback: bool) -> SelectionType:
        if is_fallback:
            return SelectionType.FALLBACK
        if choice.explored:
            return SelectionType.EXPLORED
        return SelectionType.PINNED if self.factors.pinned.item(choice.candidate) else self.ranked


def _expires_at_ms(action: Action, treatment: Treatment | None, now_ms: int) -> int | None:
    """Return the end of the action's window or of its time to live, whichever comes first."""
    lives = (treatment.valid_for_ms if treatment else None) or action.valid_for_ms
    end = None if lives is None else now_ms + lives
    for window in action.valid:
        closes = window.until_ms
        if closes is not None and window.holds(now_ms) and (end is None or closes < end):
            end = closes
    return end
