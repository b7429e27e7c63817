"""The cold-start ladder: what to expect of an action before the model knows it.

From the bottom: the propensity that somebody declared; the rate of the action's own evidence, pooled with
that of its group, issue and type; the model. The pooling is hierarchical empirical Bayes: at each level a
node's rate is beta distributed around its parent's, and how closely is what makes the counts most likely (the
beta-binomial marginal likelihood; Kleinman 1973, Casella 1985).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nextbest_models.evidence import Evidence, Experience, Kind, Scope, Tally, by_level, cut

Floats: TypeAlias = NDArray[np.float64]

_LEVELS = 3
_LEAST_STRENGTH, _MOST_STRENGTH = 1.0, 1000.0
_STRENGTHS = np.geomspace(_LEAST_STRENGTH, _MOST_STRENGTH, 31)
UNTRIED_STRENGTH = 100.0
"""The strength of a level at which nothing tells how alike its members are."""


class Maturity(IntEnum):
    """What a propensity rests on."""

    PRIOR = 1
    POOLED = 2
    MODEL = 3


@dataclass(frozen=True, slots=True)
class Rung:
    """An action as the ladder needs it: its id, its kind, and what was declared of it, if anything."""

    id: str
    kind: Kind
    declared: float | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What to expect of some actions without the model, one entry per action.

    propensity: float64 in (0, 1]. strength: float64, how many showings that knowledge is worth.
    maturity: int8, PRIOR or POOLED.
    """

    propensity: Floats
    strength: Floats
    maturity: NDArray[np.int8]

    @property
    def variance(self) -> Floats:
        """The variance of the propensity, as that of a beta distribution of this strength."""
        return self.propensity * (1 - self.propensity) / (self.strength + 1)


def expectation(rungs: Sequence[Rung], evidence: Evidence, neutral: float) -> Expectation:
    """Return what to expect of a catalog's actions.

    `neutral` is the propensity of actions of which nothing is declared, and whose type was never shown.
    """
    pool = _Pool.of(rungs, evidence)
    found = [pool.expect(rung, neutral) for rung in rungs]
    return Expectation(
        propensity=np.array([rate.mean for rate, _ in found]),
        strength=np.array([rate.strength for rate, _ in found]),
        maturity=np.array([step for _, step in found], dtype=np.int8),
    )


def graduated(rungs: Sequence[Rung], experience: Experience) -> NDArray[np.bool_]:
    """Tell, for each action, whether a model of this experience ranks it."""
    evidence, graduation = experience.evidence, experience.graduation
    if graduation.scope is Scope.ACTION:
        seen = [evidence.tallies[rung.id].shown if rung.id in evidence.tallies else 0 for rung in rungs]
    else:
        depth = (Scope.TYPE, Scope.ISSUE, Scope.GROUP).index(graduation.scope) + 1
        sums = by_level(evidence, depth)
        seen = [sums[kind].shown if (kind := cut(rung.kind, depth)) in sums else 0 for rung in rungs]
    return np.array(seen, dtype=np.int64) >= graduation.exposures


@dataclass(frozen=True, slots=True)
class _Rate:
    mean: float
    strength: float

    def after(self, tally: Tally) -> "_Rate":
        """Return the posterior once a tally is known: conjugate, beta and binomial."""
        strength = self.strength + tally.shown
        return _Rate((self.mean * self.strength + tally.positive) / strength, strength)


@dataclass(frozen=True, slots=True)
class _Pool:
    """The rates of everything that was ever shown, and how much a member of a group says about another."""

    evidence: Evidence
    rates: Mapping[Kind, _Rate]
    own: float
    declared: float

    @classmethod
    def of(cls, rungs: Iterable[Rung], evidence: Evidence) -> "_Pool":
        """Go down from types to groups: each level's rates are the priors of the next."""
        # Half a row of either outcome (Jeffreys): a type of which nothing came has a rate above 0.
        rates = {kind: _Rate(0.5, 1.0).after(tally) for kind, tally in by_level(evidence, 1).items()}
        for depth in range(2, _LEVELS + 1):
            tallies = by_level(evidence, depth)
            strength = _strength(
                [(tally, rates[cut(kind, depth - 1)].mean) for kind, tally in tallies.items()]
            )
            rates |= {
                kind: _Rate(rates[cut(kind, depth - 1)].mean, strength).after(tally)
                for kind, tally in tallies.items()
            }
        declared = {rung.id: rung.declared for rung in rungs if rung.declared is not None}
        tried = [(tally, declared[id_]) for id_, tally in evidence.tallies.items() if id_ in declared]
        others = [(it, rates[it.kind].mean) for id_, it in evidence.tallies.items() if id_ not in declared]
        own = _strength(others)
        return cls(evidence, rates, own, _strength(tried, otherwise=own))

    def expect(self, rung: Rung, neutral: float) -> tuple[_Rate, Maturity]:
        """Return what to expect of one action, and what that rests on."""
        tally = self.evidence.tallies.get(rung.id)
        if rung.declared is not None:
            prior = _Rate(rung.declared, self.declared)
            return (prior, Maturity.PRIOR) if tally is None else (prior.after(tally), Maturity.POOLED)
        known = next((rate for kind in _upwards(rung.kind) if (rate := self.rates.get(kind))), None)
        if known is None:
            return _Rate(neutral, 1.0), Maturity.PRIOR
        prior = _Rate(known.mean, self.own)
        return (prior if tally is None else prior.after(tally)), Maturity.POOLED


def _upwards(kind: Kind) -> Iterable[Kind]:
    return (cut(kind, depth) for depth in range(_LEVELS, 0, -1))


def _strength(children: Sequence[tuple[Tally, float]], otherwise: float = UNTRIED_STRENGTH) -> float:
    """Return how many showings a prior mean is worth: what makes the children's counts most likely.

    Children are tallies with their prior means. With fewer than two there is nothing to compare.
    """
    if len(children) < 2:  # noqa: PLR2004 - one child says nothing about how alike children are
        return otherwise
    likelihoods = [
        sum(_log_likelihood(tally, mean, strength) for tally, mean in children)
        for strength in _STRENGTHS.tolist()
    ]
    return float(_STRENGTHS[int(np.argmax(likelihoods))])


def _log_likelihood(tally: Tally, mean: float, strength: float) -> float:
    """Return the beta-binomial log-likelihood of a tally, without its binomial coefficient."""
    a, b = strength * mean, strength * (1 - mean)
    if not a or not b:  # a declared propensity of 1
        return 0.0
    hits, misses = tally.positive, tally.shown - tally.positive
    return _log_beta(a + hits, b + misses) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
