"""`python -m nextbest_service.compiling` runs kernels on next to nothing, which compiles them.

Its arguments are `states`, what reads customers and packs records, or numbers of leaves, what scores models
whose trees have up to so many.
"""

import sys

import lightgbm
import numpy as np

from nextbest_models.affinity import AffinityKeys
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.evidence import Kind
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.ranker import Ranker
from nextbest_models.state import CustomerFeatures
from nextbest_models.state_codec import warm_up
from nextbest_rules import Action, ActionType
from nextbest_rules.assignment import CHAMPION
from nextbest_service.decision_log.figures import FigurePacker
from nextbest_service.decisions.rankings import Ranking

_SPEC = FeatureSpec.from_declarations(
    [], [{"name": "hour", "source": "context", "definition": {"context": "hour"}, "default": 12.0}]
)
_ACTION = Action(
    id="action",
    type=ActionType.OFFER,
    issue="issue",
    group="group",
    title="Action",
    value=1.0,
    lever=1.0,
    starting_propensity=None,
    valid=(),
    channels=None,
    attributes={},
    affinity={},
    content=None,
)


def compile_part(part: str) -> None:
    """Compile one part in this process: see the module."""
    if part == "states":
        _compile_states()
    else:
        _compile_scores(int(part))


def _compile_scores(leaves: int) -> None:
    ranker = model(leaves)
    ranker.worst_difference(np.zeros((1, 1)), np.zeros(1))
    ranking = Ranking.of(CHAMPION, ranker, _assembler(), [_ACTION])
    ranking.propensities(CustomerFeatures.unknown(_SPEC, 0), {}, np.zeros(1, np.intp), 0)


def _compile_states() -> None:
    warm_up()
    ones = np.ones(1, np.float32)
    ones.flags.writeable = False  # as read from a legend
    FigurePacker.of(ones, {("", ""): ones}, _assembler())


def _assembler() -> CandidateAssembler:
    profile = ActionProfile(_ACTION.id, {}, {}, Kind(_ACTION.type.value, _ACTION.issue, _ACTION.group))
    nobody = Population(*(np.empty(0, dtype=np.int64) for _ in range(3)))
    return CandidateAssembler(_SPEC, [profile], AffinityKeys(), nobody)


def model(leaves: int) -> Ranker:
    """Return a model with one tree of so many leaves."""
    parameters = {"objective": "binary", "num_leaves": leaves, "min_data_in_leaf": 1, "verbosity": -1}
    parameters |= {"min_sum_hessian_in_leaf": 0.0, "min_data_in_bin": 1, "num_threads": 1}
    hours = np.arange(2.0 * leaves)
    rows = lightgbm.Dataset(hours.reshape(-1, 1), hours % 2, params=parameters)
    return Ranker(lightgbm.train(parameters, rows, num_boost_round=1), _SPEC.columns, "of next to nothing")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        compile_part(argument)
