"""What came of a round, in figures, and whether that is what a loop that learns should bring."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextbest_models.ladder import Maturity
from nextbest_models.offpolicy import Estimator
from nextbest_models.world import World, best_values
from nextbest_service.simulation.estimates import Judgement
from nextbest_service.simulation.learning import LearnedModel
from nextbest_service.simulation.rounds import Round

LARGEST_ROUNDING = 1e-4
"""Of logged probabilities: they are float32, and so are the features that they came from."""


@dataclass(frozen=True, slots=True)
class RoundReport:
    """A round in figures; what is earned is per decision, and expected: known from the truth.

    number: from 1. served: of what was shown to those who came. best: of the best for them. by_chance: of any
        actions. worth: of the policy over all visits that there may be.
    maturity: share of what was shown, by what its propensity rested on.
    model: what ranked; None before anything was learned.
    judgement: what the log of the round before said about this round's policy; None where it cannot tell.
    """

    number: int
    decisions: int
    clicks: int
    served: float
    best: float
    by_chance: float
    worth: float
    maturity: Mapping[Maturity, float]
    model: LearnedModel | None
    judgement: Judgement | None

    @property
    def regret(self) -> float:
        """The share of the best possible that was not earned."""
        return 1 - self.served / self.best

    def figures(self) -> dict[str, object]:
        """Return the figures fit for JSON."""
        model, judgement = self.model, self.judgement
        return {
            "round": self.number,
            "decisions": self.decisions,
            "clicks": self.clicks,
            "regret": round(self.regret, 4),
            "served": round(self.served, 4),
            "best": round(self.best, 4),
            "by_chance": round(self.by_chance, 4),
            "policy_worth": round(self.worth, 4),
            "maturity": {rung.name: round(share, 4) for rung, share in self.maturity.items()},
            "model": None
            if model is None
            else {"version": model.version, "rows": model.rows, "auc": round(model.auc, 4)},
            "forecast": None if judgement is None else judgement.figures(),
        }


def report_of(
    number: int,
    round_: Round,
    world: World,
    worth: float,
    model: LearnedModel | None,
    judgement: Judgement | None,
) -> RoundReport:
    """Return a round in figures. `number` counts from 0."""
    return RoundReport(
        number=number + 1,
        decisions=len(round_.visit),
        clicks=int(round_.clicked.sum()),
        served=float(round_.expected.sum(axis=1).mean()),
        best=float(best_values(world)[round_.visit].mean()),
        by_chance=float(world.worth[round_.visit].mean() * world.examination.sum()),
        worth=worth,
        maturity={rung: float(np.mean(round_.maturity == rung)) for rung in Maturity},
        model=model,
        judgement=judgement,
    )


def shortfalls(rounds: Sequence[RoundReport], most_regret: float) -> Iterator[str]:
    """Yield what a loop that learns would have done better.

    Args:
        rounds: at least one.
        most_regret: what the last regret may be at most, as a share of the first.
    """
    first, last = rounds[0].regret, rounds[-1].regret
    if not last <= most_regret * first:
        yield (
            f"the regret fell from {first:.1%} to {last:.1%} only, that is {last / first:.0%} of it; "
            f"at most {most_regret:.0%} was asked for"
        )
    judged = [it.judgement for it in rounds if it.judgement is not None]
    wrong = max((it.probability_error for it in judged), default=0.0)
    if wrong > LARGEST_ROUNDING:
        yield f"probabilities in the log are up to {wrong:.2g} away from those that picks were drawn with"
    covering = sum(it.forecasts[Estimator.DR].covers for it in judged)
    if 2 * covering < len(judged):
        yield f"only {covering} of {len(judged)} forecasts have the truth in their interval"
