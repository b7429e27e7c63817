"""From raw scores to what a model's objective says they mean."""

from dataclasses import dataclass

from nextbest_models.pairs import Floats
from nextbest_models.scoring.kernels import logistic
from nextbest_models.scoring.model_text import UnsupportedModelError
from nextbest_models.scoring.trees import Forest


@dataclass(frozen=True, slots=True)
class LogisticLink:
    """1 / (1 + exp(-scale * raw / divisor)).

    divisor: the number of iterations where a model's output is their average, else 1.
    """

    scale: float
    divisor: float

    @classmethod
    def of(cls, forest: Forest) -> "LogisticLink":
        """Read a model's objective.

        Raises:
            UnsupportedModelError: the model's output is no single probability.
        """
        if forest.outputs != 1:
            raise UnsupportedModelError(f"it has {forest.outputs} outputs, and not one probability")
        return cls(logistic_scale(forest.objective), float(forest.trees) if forest.average else 1.0)

    def propensities(self, raw: Floats) -> Floats:
        """Return the probabilities of raw scores, both float64 [rows]."""
        probabilities: Floats = logistic(raw, self.scale, self.divisor)
        return probabilities


def logistic_scale(objective: str) -> float:
    """Return what raw scores are multiplied by to be log-odds, by LightGBM's words for an objective.

    Raises:
        UnsupportedModelError: the objective does not give probabilities.
    """
    match objective.split(" "):
        case ["binary", setting] if setting.startswith("sigmoid:"):
            try:
                return float(setting.removeprefix("sigmoid:"))
            except ValueError as error:
                raise UnsupportedModelError("the sigmoid of its objective is no number") from error
        case ["cross_entropy"]:
            return 1.0
        case [name, *_]:
            raise UnsupportedModelError(f"its objective '{name}' does not give probabilities")
    raise AssertionError("a split text is never empty")
