"""Off-policy evaluation: what another policy would have earned, from the log of the one that served.

numpy only; reads and writes nothing. `slot_log` is the log, `candidates` makes one from whole candidate
lists, `evaluation` estimates. `ranking_policies` and `slates` are the policies whose probabilities are
known.
"""

from nextbest_models.offpolicy.candidates import Candidates, Slots, log_from_candidates, scaled_by_position
from nextbest_models.offpolicy.estimators import Estimator
from nextbest_models.offpolicy.evaluation import Options, PolicyEvaluation, evaluate, lift
from nextbest_models.offpolicy.intervals import Estimated
from nextbest_models.offpolicy.ranking_policies import (
    GREEDY,
    UNIFORM,
    EpsilonGreedy,
    RankingPolicy,
    Softmax,
)
from nextbest_models.offpolicy.ratios import Estimate
from nextbest_models.offpolicy.slot_log import (
    Alternatives,
    OffPolicyError,
    Probabilities,
    RewardModel,
    SlotLog,
)
from nextbest_models.offpolicy.support import Caution, Doubt, Support
from nextbest_models.offpolicy.weights import Weighting

__all__ = [
    "GREEDY",
    "UNIFORM",
    "Alternatives",
    "Candidates",
    "Caution",
    "Doubt",
    "EpsilonGreedy",
    "Estimate",
    "Estimated",
    "Estimator",
    "OffPolicyError",
    "Options",
    "PolicyEvaluation",
    "Probabilities",
    "RankingPolicy",
    "RewardModel",
    "SlotLog",
    "Slots",
    "Softmax",
    "Support",
    "Weighting",
    "evaluate",
    "lift",
    "log_from_candidates",
    "scaled_by_position",
]
