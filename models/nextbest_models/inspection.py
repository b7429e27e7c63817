"""What a trained model is made of, for people who run it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextbest_models.artifact import load, read_manifest
from nextbest_models.features import FeatureSpec


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The facts of one model.

    leaves: of all trees together. used_features: how many features any split asks for.
    scorer, why: what computes propensities, and why it is not the exact scorer; see `ScorerInUse`.
    """

    version: str
    created: str
    objective: str
    trees: int
    leaves: int
    most_leaves: int
    features: tuple[str, ...]
    used_features: int
    scorer: str
    why: str


def inspect_model(directory: Path, spec: FeatureSpec) -> ModelReport:
    """Load a model, with all checks, and tell what it is made of.

    Raises:
        ModelError: the files are missing, damaged or edited, or the model was trained for other features.
    """
    ranker = load(directory, spec)
    model = ranker.booster.dump_model()
    leaves = [tree["num_leaves"] for tree in model["tree_info"]]
    return ModelReport(
        version=ranker.version,
        created=read_manifest(directory).created,
        objective=model.get("objective", ""),
        trees=len(leaves),
        leaves=sum(leaves),
        most_leaves=max(leaves, default=0),
        features=ranker.columns,
        used_features=int(np.count_nonzero(ranker.booster.feature_importance())),
        scorer=ranker.scorer.name,
        why=ranker.scorer.why,
    )
