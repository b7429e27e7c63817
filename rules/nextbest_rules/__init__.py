"""The rules of nextbest: what may be said to whom, checked at load and compiled to bitmasks."""

from nextbest_rules.catalog import (
    Action,
    AffinityDeclaration,
    Catalog,
    FeatureDeclaration,
    Formula,
    Placement,
    Treatment,
)
from nextbest_rules.cel import EvaluationError, ExpressionError, UnsupportedExpressionError, evaluate
from nextbest_rules.declarations import ValueType
from nextbest_rules.diagnostics import CatalogError, Diagnostic
from nextbest_rules.explanation import Exclusion
from nextbest_rules.formulas import ParameterError, ParameterValue
from nextbest_rules.loading.loader import load_catalog
from nextbest_rules.ruleset import RuleSet, Screening
from nextbest_rules.sight import View
from nextbest_rules.situation import Situation
from nextbest_rules.stages.placements import Fit, Surface, UnknownPlacementError
from nextbest_rules.stages.rooms import Room
from nextbest_rules.terms import ActionType, Direction, Stage

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
    "ExpressionError",
    "FeatureDeclaration",
    "Fit",
    "Formula",
    "ParameterError",
    "ParameterValue",
    "Placement",
    "Room",
    "RuleSet",
    "Screening",
    "Situation",
    "Stage",
    "Surface",
    "Treatment",
    "UnknownPlacementError",
    "UnsupportedExpressionError",
    "ValueType",
    "View",
    "evaluate",
    "load_catalog",
]
