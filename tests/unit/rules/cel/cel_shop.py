"""A small vocabulary, and the means to check and evaluate expressions over it."""

from nextbest_rules.cel import Expression, ExpressionChecker, Kind, Timestamp, Vocabulary, compile_function
from nextbest_rules.declarations import ValueType

CHECKER = ExpressionChecker(
    Vocabulary(
        facts={
            "tags": ValueType.STRINGS,
            "age": ValueType.INT,
            "since": ValueType.TIMESTAMP,
            "town": ValueType.STRING,
            "vip": ValueType.BOOL,
            "odd": None,
        },
        features={"trips": ValueType.DOUBLE},
        context={"page": ValueType.STRING},
        attributes={"campaign": ValueType.STRING, "size": ValueType.INT, "rate": ValueType.DOUBLE},
        conditions=frozenset({"adult", "regular"}),
    )
)
NOW = Timestamp.of_ms(1_510_563_600_000)


def checked(source: str, wants: Kind = Kind.BOOL, element: str | None = None) -> Expression:
    expression = CHECKER.check(source, wants, element)
    assert isinstance(expression, Expression), expression
    return expression


def answer(expression: Expression | str, wants: Kind = Kind.BOOL, /, **values: object) -> object:
    """Evaluate an expression; the keys of values are mentions with __ for the dot."""
    if isinstance(expression, str):
        expression = checked(expression, wants)
    known = {name.replace("__", "."): value for name, value in values.items()}
    layout = {mention: place for place, mention in enumerate(expression.mentions)}
    slots = [known.get(str(mention)) for mention in expression.mentions]
    return compile_function(expression.tree, layout, wants)(slots)
