"""Logs of a synthetic world under a serving policy, with what a target policy would have done."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nextbest_models.offpolicy import (
    Candidates,
    EpsilonGreedy,
    Probabilities,
    RankingPolicy,
    SlotLog,
    Slots,
    log_from_candidates,
)
from nextbest_models.offpolicy.slates import conditional_probabilities, marginal_probabilities
from nextbest_models.world import Round, World, answer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contest:
    """A serving policy and a target in a world. `predicted`: a reward model [customers, ranks, actions]."""

    world: World
    serving: RankingPolicy
    serving_scores: Floats
    target: RankingPolicy
    target_scores: Floats
    predicted: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))

    def draw(self, decisions: int, random: np.random.Generator) -> Round:
        """Let customers come by chance."""
        customer = random.integers(0, len(self.world.customers), decisions)
        return self.answer(customer, random)

    def answer(self, customer: NDArray[np.int64], random: np.random.Generator) -> Round:
        """Let these customers come."""
        return answer(self.world, self.serving, self.serving_scores, customer, random)

    def conditional_log(self, logged: Round, *, by_person: bool = False) -> SlotLog:
        """All probabilities given the logged ranks above."""
        served = conditional_probabilities(self.serving, self.serving_scores[logged.customer], logged.actions)
        target = conditional_probabilities(self.target, self.target_scores[logged.customer], logged.actions)
        log = self.log(logged, served, target, Probabilities.CONDITIONAL, by_person=by_person)
        # The world's own word is what the decision log would have.
        assert np.allclose(log.logged_probability, logged.probabilities.ravel())
        return log

    def marginal_log(self, logged: Round) -> SlotLog:
        """All probabilities over whatever stands above."""
        served, target = self.marginals
        kind = Probabilities.MARGINAL
        return self.log(logged, served[logged.customer], target[logged.customer], kind)

    def log(
        self, logged: Round, served: Floats, target: Floats, kind: Probabilities, *, by_person: bool = False
    ) -> SlotLog:
        """The log with all candidates, given each one's probabilities [decisions, ranks, actions]."""
        decisions, ranks = logged.actions.shape
        slot = np.arange(decisions * ranks)
        shape = (len(slot), len(self.world.value))
        customer = np.repeat(logged.customer, ranks)
        slots = Slots(
            decision=slot // ranks,
            position=slot % ranks + 1,
            chosen=slot * shape[1] + logged.actions.ravel(),
            reward=logged.rewards.ravel(),
            person=customer if by_person else None,
        )
        candidates = Candidates(
            slot=np.repeat(slot, shape[1]),
            logged_probability=served.reshape(-1),
            target_probability=target.reshape(-1),
            predicted=self.predicted[customer, slot % ranks].reshape(-1) if self.predicted.size else None,
        )
        return log_from_candidates(slots, candidates, kind)

    @cached_property
    def marginals(self) -> tuple[Floats, Floats]:
        """Of the serving policy and the target, [customers, ranks, actions]."""
        return (
            marginal_probabilities(self.serving, self.serving_scores, self.world.ranks),
            marginal_probabilities(self.target, self.target_scores, self.world.ranks),
        )


def true_rewards(world: World) -> Floats:
    """What a perfect reward model predicts, [customers, ranks, actions]; without crowding."""
    rewards: Floats = world.examination[None, :, None] * world.worth[:, None, :]
    return rewards


def noisy_scores(world: World, seed: int, noise: float) -> Floats:
    """What a model that learned something thinks of the actions, [customers, actions]."""
    random = np.random.default_rng(seed)
    scores: Floats = world.worth * np.exp(noise * random.standard_normal(world.worth.shape))
    return scores


def contest(
    world: World,
    *,
    serving: RankingPolicy | None = None,
    target: RankingPolicy | None = None,
    predicted: Floats | None = None,
) -> Contest:
    """A rough model serves with much exploration, a better one wants its place."""
    return Contest(
        world,
        serving or EpsilonGreedy(0.5),
        noisy_scores(world, 1, 1.0),
        target or EpsilonGreedy(0.1),
        noisy_scores(world, 2, 0.4),
        true_rewards(world) if predicted is None else predicted,
    )
