"""What is asked when models are judged."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from nextbest_models.judging.slots import Reward
from nextbest_models.logged.attribution import AttributionPlan
from nextbest_models.manifest import Manifest
from nextbest_models.offpolicy import Options

MOST_DECISIONS = 20_000


class JudgingError(Exception):
    """Models cannot be judged by this log; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which model to judge, against which, by what.

    candidate, serving: directories of models; None: there is no serving model. log: an exported log. since,
    until: times of decisions, from and before; None as `since`: what the candidate learned from ends there.
    placement: only this one is judged; None: all. most: judge no more decisions, drawn evenly.
    """

    candidate: Path
    serving: Path | None
    log: Path
    since: datetime | None = None
    until: datetime | None = None
    placement: str | None = None
    most: int = MOST_DECISIONS
    reward: Reward = Reward.VALUE
    attribution: AttributionPlan = field(default_factory=AttributionPlan)
    options: Options = field(default_factory=Options)


def learned_until(manifest: Manifest) -> datetime | None:
    """Return when the decisions end that a model learned from, None where its manifest does not tell."""
    training = manifest.training
    periods = training.get("periods")
    # Recipes with dates learn from everything before the test period.
    told = periods.get("test_from") if isinstance(periods, dict) else training.get("until")
    if not isinstance(told, str):
        return None
    moment = datetime.fromisoformat(told)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
