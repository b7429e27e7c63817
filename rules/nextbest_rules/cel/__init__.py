"""CEL: expressions are checked by the reference engine at load, and compiled to Python by this package."""

from nextbest_rules.cel.checker import MAX_NODES, Expression, ExpressionChecker
from nextbest_rules.cel.code import CodeWriter
from nextbest_rules.cel.comparison import Comparison, comparison_of
from nextbest_rules.cel.compiling import compile_function
from nextbest_rules.cel.evaluation import (
    EvaluationError,
    ExpressionError,
    UnsupportedExpressionError,
    evaluate,
)
from nextbest_rules.cel.faults import MAX_SOURCE, ExpressionFault
from nextbest_rules.cel.kinds import Kind, Type
from nextbest_rules.cel.looking_back import Reach, age_limit, reaches
from nextbest_rules.cel.nodes import (
    Node,
    conjuncts,
    disjuncts,
    mentions_of,
    presences_of,
    searched_by,
    size_of,
)
from nextbest_rules.cel.reading import FunctionCall
from nextbest_rules.cel.values import (
    UNKNOWN,
    Duration,
    Mention,
    Timestamp,
    TypeValue,
    Uint,
    Unevaluable,
    members,
    readable,
)
from nextbest_rules.cel.vocabulary import ACTION_FIELDS, Vocabulary

__all__ = [
    "ACTION_FIELDS",
    "MAX_NODES",
    "MAX_SOURCE",
    "UNKNOWN",
    "CodeWriter",
    "Comparison",
    "Duration",
    "EvaluationError",
    "Expression",
    "ExpressionChecker",
    "ExpressionError",
    "ExpressionFault",
    "FunctionCall",
    "Kind",
    "Mention",
    "Node",
    "Reach",
    "Timestamp",
    "Type",
    "TypeValue",
    "Uint",
    "Unevaluable",
    "UnsupportedExpressionError",
    "Vocabulary",
    "age_limit",
    "comparison_of",
    "compile_function",
    "conjuncts",
    "disjuncts",
    "evaluate",
    "members",
    "mentions_of",
    "presences_of",
    "reaches",
    "readable",
    "searched_by",
    "size_of",
]
