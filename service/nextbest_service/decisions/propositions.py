"""Renders what fills the placements as propositions."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    render = _Renderer(generation, request, reach, factors, slates.parameters, ranked, now_ms)
    return tuple(
        PlacementDecision(
            showing.asked,
            tuple(render.proposition(showing, choice, rank) for rank, choice in enumerate(chosen, start=1)),
        )
        for showing, chosen in zip(shown, slates.chosen, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Renderer:
    """What all propositions of an answer have in common."""

    generation: Generation
    request: DecisionRequest
    reach: Reach
    factors: Factors
    parameters: Parameters
    ranked: SelectionType
    now_ms: int

    def proposition(self, showing: Showing, choice: Choice, rank: int) -> Proposition:
        factors, candidate = self.factors, choice.candidate
        row = factors.rows.item(candidate)
        action = self.generation.catalog.actions[row]
        approach, treatment = showing.of(row)
        with_content = self.request.include_content
        treatment_id = treatment.id if treatment else ""
        chosen_parameters = self.parameters.get((showing.asked.placement.id, row), NO_PARAMETERS)
        selection = self._selection(showing, action, choice)
        by_priority = selection in _BY_PRIORITY
        return Proposition(
            action=action,
            rank=rank,
            selection=selection,
            selection_probability=choice.probability,
            propensity=factors.propensity.item(candidate),
            value=factors.value.item(candidate),
            context_weight=factors.context_weight.item(candidate),
            lever=factors.lever.item(candidate),
            priority=factors.priority.item(candidate),
            channel=approach.channel,
            treatment_id=treatment_id,
            content_json=self.generation.content(row, treatment_id) if with_content else "",
            parameters=chosen_parameters if with_content else NO_PARAMETERS,
            expires_at_ms=_expires_at_ms(action, treatment, self.now_ms),
            send_at_ms=self.reach.send_at_ms,
            maturity=_MATURITIES[factors.maturity.item(candidate)] if by_priority else None,
        )

    def _selection(self, showing: Showing, action: Action, choice: Choice) -> SelectionType:
        if action.id == showing.asked.placement.fallback:
            return SelectionType.FALLBACK
        if choice.explored:
            return SelectionType.EXPLORED
        return SelectionType.PINNED if self.factors.pinned[choice.candidate] else self.ranked


def _expires_at_ms(action: Action, treatment: Treatment | None, now_ms: int) -> int | None:
    """Return the end of the action's window or of its time to live, whichever comes first."""
    ends = [window.until_ms for window in action.valid if window.holds(now_ms)]
    lives = (treatment.valid_for_ms if treatment else None) or action.valid_for_ms
    if lives is not None:
        ends.append(now_ms + lives)
    return min([end for end in ends if end is not None], default=None)
