"""What one condition costs: compiled, with every value there and with none, beside the reference engine.

Run it with `python -m benchmarks.micro.expressions`; add `--json` for a machine. The reference engine gets an
activation that holds the values already.
"""

from collections.abc import Iterator
from importlib.metadata import version

from benchmarks.interleaved import Candidate, run
from nextbest_rules.cel import (
    UNKNOWN,
    Expression,
    ExpressionChecker,
    Mention,
    Timestamp,
    Vocabulary,
    compile_function,
)
from nextbest_rules.cel.environment import Environment, untyped_environment
from nextbest_rules.dates import from_ms
from nextbest_rules.declarations import ValueType

NOW_MS = 1_510_563_600_000
DECLARED = {
    "age": ValueType.INT,
    "town": ValueType.STRING,
    "tags": ValueType.STRINGS,
    "since": ValueType.TIMESTAMP,
    "vip": ValueType.BOOL,
}
CHECKER = ExpressionChecker(Vocabulary(DECLARED, {"trips": ValueType.DOUBLE}, {}, {}))
SHAPES = (
    "facts.age >= 18",
    "features.trips > 10",
    'channel != "email"',
    'facts.age >= 18 && "x" in facts.tags',
    'facts.age >= 18 && features.trips > 2 && facts.vip && channel == "web"',
    'facts.town in ["a", "b", "abc"]',
    'facts.town.startsWith("a") || facts.vip',
    "has(facts.age) ? facts.age + 1 > 3 : facts.vip",
    'now - facts.since > duration("72h")',
    'facts.tags.exists(tag, tag.startsWith("x"))',
    'facts.town.matches("^a.*c$")',
    'now.getHours("Asia/Ho_Chi_Minh") >= 16',
)
VALUES: dict[str, object] = {
    "facts.age": 40,
    "facts.town": "abc",
    "facts.tags": ["a", "b", "x"],
    "facts.since": Timestamp.of_ms(NOW_MS - 10**9),
    "facts.vip": True,
    "features.trips": 14.0,
    "now": Timestamp.of_ms(NOW_MS),
    "channel": "web",
}


def candidates() -> Iterator[Candidate]:
    """Yield each shape in three ways."""
    environment = untyped_environment(("facts", "features", "now", "channel"))
    for source in SHAPES:
        expression = CHECKER.check(source)
        assert isinstance(expression, Expression)
        yield compiled(expression, "compiled", [VALUES[str(mention)] for mention in expression.mentions])
        yield compiled(expression, "compiled, nothing known", [UNKNOWN] * len(expression.mentions))
        yield reference(source, environment)


def compiled(expression: Expression, name: str, slots: list[object]) -> Candidate:
    """Return our evaluation over slots."""
    layout: dict[Mention, int] = {mention: place for place, mention in enumerate(expression.mentions)}
    evaluate = compile_function(expression.tree, layout)
    return Candidate(expression.source, name, 0, lambda: evaluate(slots))


def reference(source: str, environment: Environment) -> Candidate:
    """Return the reference engine's evaluation over an activation."""
    roots: dict[str, object] = {"facts": {}, "features": {}}
    for name, value in VALUES.items():
        root, _, field = name.partition(".")
        plain = from_ms(value // 1_000_000) if isinstance(value, Timestamp) else value
        if field:
            roots[root][field] = plain  # type: ignore[index]
        else:
            roots[root] = plain
    expression = environment.compile(source)
    activation = environment.Activation(roots)
    return Candidate(source, "reference engine", 0, lambda: expression.eval(activation))


def main() -> None:
    """Measure and print."""
    run(
        "What one condition costs, compiled and in the reference engine.",
        candidates,
        {"cel-expr-python": version("cel-expr-python"), "google-re2": version("google-re2")},
    )


if __name__ == "__main__":
    main()
