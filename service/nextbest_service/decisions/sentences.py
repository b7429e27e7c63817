"""The sentences of an explanation: how a proposition came to its place, P, C, V and L."""

from collections.abc import Iterator, Sequence

import numpy as np

from nextbest_models.calibration import probability
from nextbest_models.evidence import Evidence, Kind, Tally, nearest
from nextbest_models.ladder import Maturity
from nextbest_rules import Action, Formula
from nextbest_service.decisions.decision import Proposition, SelectionType
from nextbest_service.decisions.explanation import Explanation, Multiplier, MultiplierSource
from nextbest_service.decisions.wording import chance, effect, figure, listed

_SOURCES = {
    MultiplierSource.CONTEXT_WEIGHT: "rule '{}'",
    MultiplierSource.ACTION: "the action's own lever",
    MultiplierSource.BRAND: "brand '{}'",
    MultiplierSource.GOAL: "goal '{}'",
    MultiplierSource.GUARD: "guard '{}'",
    MultiplierSource.EXPERIMENT: "the arm of experiment '{}'",
}


def place(proposition: Proposition, guards: Sequence[str]) -> str:
    """Return how a proposition came to its rank; `guards` are those that pinned it."""
    rank, chosen_with = proposition.rank, figure(proposition.selection_probability)
    match proposition.selection:
        case SelectionType.PINNED:
            names = listed([f"'{name}'" for name in guards])
            return f"Rank {rank}, because it is pinned by guard {names}: that goes before any priority."
        case SelectionType.FALLBACK:
            return "The placement's fallback: nothing else may be shown here."
        case SelectionType.LAST_KNOWN_GOOD:
            return f"Rank {rank}, as in the last answer: nothing can be read of the customer now."
        case SelectionType.EXPLORED:
            return f"Rank {rank}, to learn from it: others had a higher priority; probability {chosen_with}."
    factors = (proposition.propensity, proposition.context_weight, proposition.value, proposition.lever)
    product = " × ".join(map(figure, factors))
    ranked = f"Rank {rank} by priority {figure(proposition.priority)} = {product} (P × C × V × L)"
    if proposition.selection_probability < 1:
        return f"{ranked}; the placement also tries others, so its probability was {chosen_with}."
    return f"{ranked}."


def propensity(proposition: Proposition, maturity: Maturity, evidence: Evidence) -> str:
    """Return what to expect of a proposition, and what that rests on."""
    expected = f"P: expected to work {chance(proposition.propensity)}"
    return f"{expected}, {_basis(proposition.action, maturity, evidence)}."


def contributions(explanation: Explanation, kind: str) -> Iterator[str]:
    """Yield what moved the model's propensity for an action of some type."""
    base = float(probability(np.array(explanation.base_log_odds)))
    moved = "what moved it most:" if explanation.contributions else "no feature moved it."
    yield f"The model starts from {chance(base)}; {moved}"
    yield from (it.words for it in explanation.contributions)
    if explanation.others_log_odds:
        yield f"All other features together: {effect(explanation.others_log_odds)}."
    if explanation.calibration_log_odds:
        yield f"Calibration for the type {kind}: {effect(explanation.calibration_log_odds)}."


def context(proposition: Proposition, parts: Sequence[Multiplier]) -> str:
    """Return what the context does to the priority."""
    if not parts:
        return "C: nothing in the context changes it."
    return f"C: the context multiplies it by {figure(proposition.context_weight)}: {_product(parts)}."


def value(proposition: Proposition) -> str:
    """Return what a positive outcome is worth."""
    computed = isinstance(proposition.action.value, Formula)
    how = ", computed for this customer" if computed else ""
    return f"V: worth {figure(proposition.value)} if it works{how}."


def levers(proposition: Proposition, parts: Sequence[Multiplier]) -> str:
    """Return what the business's levers do to the priority."""
    if not parts:
        return "L: no lever changes it."
    return f"L: levers multiply it by {figure(proposition.lever)}: {_product(parts)}."


def summary(proposition: Proposition, explanation: Explanation) -> str:
    """Return an explanation in one sentence."""
    match proposition.selection:
        case SelectionType.PINNED:
            how = f"Rank {proposition.rank}, pinned"
        case SelectionType.FALLBACK:
            how = "The placement's fallback"
        case SelectionType.EXPLORED:
            how = f"Rank {proposition.rank}, to learn from it"
        case _:
            how = f"Rank {proposition.rank} by priority {figure(proposition.priority)}"
    expected = f"{how}: expected to work {chance(proposition.propensity)}"
    raising = [it for it in explanation.contributions if it.log_odds > 0]
    return f"{expected}; most in its favour: {raising[0].words}" if raising else f"{expected}."


def _product(parts: Sequence[Multiplier]) -> str:
    return ", ".join(f"{_SOURCES[it.source].format(it.id)} × {figure(it.factor)}" for it in parts)


def _basis(action: Action, maturity: Maturity, evidence: Evidence) -> str:
    declared = action.starting_propensity
    match maturity:
        case Maturity.MODEL:
            return "by the model"
        case Maturity.POOLED:
            return _pooled(action, evidence)
    if declared is None:
        return "which is assumed where nothing is declared and nothing alike was ever shown"
    return "as the catalog declares"


def _pooled(action: Action, evidence: Evidence) -> str:
    own = evidence.tallies.get(action.id)
    told = "it was never shown" if own is None else f"it was {_counted(own)}"
    if action.starting_propensity is not None:
        return f"from what the catalog declares and what came of it: {told}"
    alike = nearest(evidence, Kind(action.type.value, action.issue, action.group))
    around = "" if alike is None else f", {_named(alike.kind)} was {_counted(alike)}"
    return f"from what came of it and of what is alike: {told}{around}"


def _counted(tally: Tally) -> str:
    return f"shown {tally.shown:,} times, {tally.positive:,} of them with success"


def _named(kind: Kind) -> str:
    if kind.group:
        return f"its group '{kind.group}'"
    return f"its issue '{kind.issue}'" if kind.issue else f"its type {kind.type}"
