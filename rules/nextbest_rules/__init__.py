"""The rules of nextbest: what may be said to whom, checked at load and compiled to bitmasks."""

from nextbest_rules.catalog import (
    Action,
    ActionType,
    AffinityDeclaration,
    Catalog,
    Direction,
    FeatureDeclaration,
    Placement,
)
from nextbest_rules.conditions import EvaluationError, evaluate
from nextbest_rules.declarations import ValueType
from nextbest_rules.diagnostics import CatalogError, Diagnostic
from nextbest_rules.explanation import Exclusion, Stage
from nextbest_rules.loader import load_catalog
from nextbest_rules.ruleset import RuleSet, Screening, UnknownPlacementError
from nextbest_rules.situation import Situation

__all__ = [
    "Action",
    "ActionType",
    "AffinityDeclaration",
    "Catalog",
    "CatalogError",
    "Diagnostic",
    "Direction",
    "EvaluationError",
    "Exclusion",
    "FeatureDeclaration",
    "Placement",
    "RuleSet",
    "Screening",
    "Situation",
    "Stage",
    "UnknownPlacementError",
    "ValueType",
    "evaluate",
    "load_catalog",
]
