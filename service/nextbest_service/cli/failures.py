"""Which failures a user can mend, and how they are told."""

from collections.abc import Sequence
from dataclasses import dataclass

from nextbest_models.complete_journey import SourceError
from nextbest_models.dataset import DatasetError
from nextbest_models.distributed import DaskError
from nextbest_models.drawing import PlotError
from nextbest_models.drift import DriftError
from nextbest_models.features import FeatureSpecError
from nextbest_models.history import HistoryError
from nextbest_models.logged.decisions import LoggedDataError
from nextbest_models.offpolicy import OffPolicyError
from nextbest_models.ranker import ModelError
from nextbest_models.recipe import RecipeError
from nextbest_rules import CatalogError, Diagnostic
from nextbest_service.batch.job import CampaignError
from nextbest_service.customer_files import CustomerFileError
from nextbest_service.errors import StartupError
from nextbest_service.judging.question import JudgingError
from nextbest_service.models_in_use import ModelUseError
from nextbest_service.yaml_files import BrokenFileError

BROKEN_INPUT = 2
CANNOT_START = 3

_BROKEN_INPUT = (
    CampaignError,
    DatasetError,
    DriftError,
    HistoryError,
    JudgingError,
    LoggedDataError,
    ModelError,
    ModelUseError,
    OffPolicyError,
    RecipeError,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What to print on standard error, and the exit code."""

    lines: tuple[str, ...]
    exit_code: int


def describe(error: Exception) -> Failure | None:
    """Return how to tell a failure, or None for a defect of ours, which deserves its traceback."""
    match error:
        case CatalogError():
            return _faults(error.diagnostics, "catalog")
        case CustomerFileError() | BrokenFileError():
            return _faults(error.diagnostics, "customers" if isinstance(error, CustomerFileError) else "file")
        case FeatureSpecError():
            return Failure(tuple(f"features.yaml: {problem}" for problem in error.problems), BROKEN_INPUT)
        case _ if isinstance(error, _BROKEN_INPUT):
            return Failure((str(error),), BROKEN_INPUT)
        case StartupError() | SourceError() | PlotError() | DaskError():
            return Failure((str(error),), CANNOT_START)
        case _:
            return None


def _faults(diagnostics: Sequence[Diagnostic], where: str) -> Failure:
    count = len(diagnostics)
    summary = f"{count} error{'s' if count > 1 else ''} in the {where}; nothing was loaded"
    return Failure((*map(str, diagnostics), summary), BROKEN_INPUT)
