"""Explains the propositions of a decision: made on demand, from what the decision was made of."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from nextbest_models.contributions import Contributions
from nextbest_models.evidence import NO_EVIDENCE, Evidence
from nextbest_models.ladder import Maturity
from nextbest_rules.assignment import STATIC
from nextbest_rules.catalog import FeatureDeclaration
from nextbest_service.decisions import sentences, wording
from nextbest_service.decisions.basis import Basis
from nextbest_service.decisions.decision import Decision, Degradation, Proposition
from nextbest_service.decisions.explanation import Explanation, FeatureContribution, MultiplierSource
from nextbest_service.decisions.multipliers import multipliers_of, pinning_guards

MOST_FEATURES = 5
"""So many features are named one by one."""
MOST_ROWS = 100
"""The first of an answer have contributions: more of them would take longer than a tenth of a second."""
_BEYOND = f"Features are told of the first {MOST_ROWS} actions of an answer only."
_NOT_APART = "LightGBM does not take a model of this kind apart by feature."


def explain(decision: Decision) -> Decision:
    """Return a decision with its propositions explained; takes about a millisecond for each of them."""
    explainer = _Explainer.of(decision)
    placements = tuple(
        placement._replace(
            propositions=tuple(
                it._replace(explanation=explainer.explanation(it)) for it in placement.propositions
            ),
        )
        for placement in decision.placements
    )
    return decision._replace(placements=placements)


@dataclass(frozen=True, slots=True)
class _Explainer:
    """What all explanations of a decision have in common.

    `contributions` are by row of the catalog. `without_model` says why the model ranked no others.
    """

    basis: Basis
    evidence: Evidence
    declared: Mapping[str, FeatureDeclaration]
    contributions: Mapping[int, Contributions]
    without_model: str

    @classmethod
    def of(cls, decision: Decision) -> "_Explainer":
        basis = decision.basis
        ranker = basis.ranking.ranker
        experience = ranker.experience if ranker else None
        return cls(
            basis=basis,
            evidence=experience.evidence if experience else NO_EVIDENCE,
            declared={it.name: it for it in basis.generation.catalog.features},
            contributions=_contributions(decision),
            without_model=_without_model(decision),
        )

    def explanation(self, proposition: Proposition) -> Explanation:
        row = self.basis.generation.catalog.index[proposition.action.id]
        parts = self.contributions.get(row)
        bare = Explanation("", (), multipliers_of(self.basis, row))
        moved = bare if parts is None else self._with_features(bare, parts)
        return replace(
            moved,
            summary=sentences.summary(proposition, moved),
            sentences=tuple(self._sentences(proposition, moved, row)),
        )

    def _with_features(self, bare: Explanation, parts: Contributions) -> Explanation:
        named = parts.largest(MOST_FEATURES)
        return replace(
            bare,
            contributions=tuple(self._contribution(parts, column) for column in named),
            base_log_odds=parts.base,
            others_log_odds=float(np.delete(parts.log_odds, named).sum()),
            calibration_log_odds=parts.calibration,
        )

    def _contribution(self, parts: Contributions, column: int) -> FeatureContribution:
        feature = self.basis.generation.spec.features[column]
        value, log_odds = float(parts.values[column]), float(parts.log_odds[column])
        seen = None if math.isnan(value) else value
        words = wording.feature_words(feature, self.declared[feature.name], seen)
        return FeatureContribution(
            feature.name, seen, log_odds, f"{words}, which {wording.effect(log_odds)}."
        )

    def _sentences(self, proposition: Proposition, explanation: Explanation, row: int) -> Iterator[str]:
        maturity = _maturity(self.basis, row)
        weights = [it for it in explanation.multipliers if it.source is MultiplierSource.CONTEXT_WEIGHT]
        levers = [it for it in explanation.multipliers if it.source is not MultiplierSource.CONTEXT_WEIGHT]
        yield sentences.place(proposition, pinning_guards(self.basis, row))
        yield sentences.propensity(proposition, maturity, self.evidence)
        if row in self.contributions:
            yield from sentences.contributions(explanation, proposition.action.type.value)
        else:
            yield self._without_features(maturity)
        yield sentences.context(proposition, weights)
        yield sentences.value(proposition)
        yield sentences.levers(proposition, levers)

    def _without_features(self, maturity: Maturity) -> str:
        if maturity is not Maturity.MODEL:
            return self.without_model
        return _BEYOND if self.contributions else _NOT_APART


def _without_model(decision: Decision) -> str:
    if Degradation.MODEL_UNAVAILABLE in decision.degraded:
        return "No model is in use."
    if Degradation.SCORE_NOT_FINITE in decision.degraded:
        return "The model failed, so it ranked nothing."
    if Degradation.DEADLINE_SHORT in decision.degraded:
        return "There was no time for the model."
    if decision.basis.ranking.name == STATIC:
        return "This arm of an experiment is ranked without a model."
    return "The model has not seen enough of it to rank it."


def _maturity(basis: Basis, row: int) -> Maturity:
    factors = basis.factors
    return Maturity(int(factors.maturity[factors.rows.searchsorted(row)]))


def _contributions(decision: Decision) -> Mapping[int, Contributions]:
    """Return, by row, what made up the propensities of those propositions that the model ranked."""
    basis, candidates = decision.basis, decision.basis.ranking.candidates
    index = basis.generation.catalog.index
    offered = [index[it.action.id] for placement in decision.placements for it in placement.propositions]
    ranked = (row for row in dict.fromkeys(offered) if _maturity(basis, row) is Maturity.MODEL)
    rows = list(islice(ranked, MOST_ROWS))
    if candidates is None or not rows:
        return {}
    customer, now_ms = basis.reading.customer.features, basis.reading.now_ms
    parts = candidates.contributions(customer, basis.request.numbers, np.array(rows, dtype=np.intp), now_ms)
    return {} if parts is None else dict(zip(rows, parts, strict=True))
