"""What catalogs use, with types known, values missing and attributes bound, against the reference engine."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from cel_literals import LITERALS
from cel_reference import FAILED, bound, our_answer, reference_answer
from cel_sentences import Sentences
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextbest_rules.cel import (
    CodeWriter,
    Expression,
    ExpressionChecker,
    Kind,
    Mention,
    Node,
    Timestamp,
    Vocabulary,
    compile_function,
    members,
    readable,
)
from nextbest_rules.cel.environment import untyped_environment
from nextbest_rules.declarations import ValueType
from nextbest_rules.records import RECORDS, Contact, Event, FieldType, Purchase, Ticket

FACTS = {
    "b": ValueType.BOOL,
    "i": ValueType.INT,
    "j": ValueType.INT,
    "d": ValueType.DOUBLE,
    "s": ValueType.STRING,
    "t": ValueType.STRING,
    "w": ValueType.TIMESTAMP,
    "l": ValueType.STRINGS,
    "n": ValueType.INTS,
    "g": ValueType.DOUBLES,
}
ATTRIBUTES = {
    "campaign": ValueType.STRING,
    "size": ValueType.INT,
    "rate": ValueType.DOUBLE,
    "live": ValueType.BOOL,
}
CHECKER = ExpressionChecker(
    Vocabulary(
        FACTS, {"score": ValueType.DOUBLE}, {"page": ValueType.STRING}, ATTRIBUTES, frozenset({"vip", "new"})
    )
)
VARIABLES = {
    "bool": ["facts.b", "customer.known", "action.live", "conditions.vip", "conditions.new"],
    "int": ["facts.i", "facts.j", "action.size"],
    "double": ["facts.d", "features.score", "action.rate"],
    "string": ["facts.s", "facts.t", "context.page", "channel", "action.campaign", "action.group"],
    "timestamp": ["facts.w", "now"],
    "list:string": ["facts.l"],
    "list:int": ["facts.n"],
    "list:double": ["facts.g"],
}
SHOWN = ["facts.b", "facts.i", "facts.l", "action.size", "action.rate", "context.page"]
RECORD_VARIABLES = {
    "tickets": {
        "bool": ["q.open"],
        "string": ["q.kind", "q.severity", "q.id"],
        "timestamp": ["q.opened_at", "q.closed_at"],
        "list:string": ["q.products"],
    },
    "purchases": {"string": ["q.product", "q.category"], "timestamp": ["q.at", "q.ended_at"]},
    "events": {"string": ["q.type", "q.subject"], "timestamp": ["q.at"], "list:string": ["q.categories"]},
    "contacts": {"string": ["q.action", "q.outcome", "q.group"], "timestamp": ["q.at"]},
}
TIMES = [1_510_563_600_000, 0, -1, 1_500_000_000_123]
RECORD_VALUES: dict[str, list[object]] = {
    "tickets": [Ticket("t1", "a", "b", ("a", "x"), (), 0), Ticket("t2", "ab", "a", (), (), None, TIMES[0])],
    "purchases": [Purchase("a", "b", "a", TIMES[3]), Purchase("", ended_at_ms=5)],
    "events": [Event("a", "b", categories=("a",), at_ms=-1), Event("ab", at_ms=None)],
    "contacts": [Contact("a", "CLICKED", TIMES[0]), Contact("b", "DELIVERED", 0, group="a")],
}
SLOT_VALUES: dict[ValueType, list[object]] = {
    ValueType.BOOL: [True, False],
    ValueType.INT: [0, 1, -1, 7, 18, 2**63 - 1, -(2**63), 2**53 + 1],
    ValueType.DOUBLE: [0.0, -0.0, 1.0, 2.5, float("inf"), -7.25, 2.0**53, 2.0**63],
    ValueType.STRING: ["", "a", "b", "ab", "é", "a😀b", "1", "x\ny"],
    ValueType.TIMESTAMP: [Timestamp.of_ms(time) for time in TIMES],
    ValueType.STRINGS: [[], ["a"], ["b", "é", "a"], ["ab", "ab"]],
    ValueType.INTS: [[], [1], [0, 7, 2**63 - 1]],
    ValueType.DOUBLES: [[], [1.0], [0.0, 2.5, float("inf")]],
}
KINDS = {
    "bool": (Kind.BOOL, {"BOOL"}),
    "int": (Kind.INT, {"INT"}),
    "double": (Kind.NUMBER, {"INT", "DOUBLE"}),
    "string": (Kind.STRING, {"STRING"}),
    "timestamp": (Kind.TIMESTAMP, {"TIMESTAMP"}),
}
NAMES = ("facts", "features", "context", "customer", "action", "now", "channel", *RECORD_VARIABLES)
BATCH = 20
ENVIRONMENTS = 6
EXAMPLES = 60
counted = {"cases": 0, "failing": 0}
Values = dict[Mention, object]


def sentence(random: Random, kind: str, variables: dict[str, list[str]]) -> str:
    """Return an expression, now and then over the records of a kind."""
    depth = random.choice([1, 2, 3, 4])
    if random.random() > 0.25 or kind != "bool":
        return Sentences(random, variables, SHOWN).of(kind, depth)
    records = random.choice(list(RECORD_VARIABLES))
    known = {
        of: [*variables.get(of, []), *RECORD_VARIABLES[records].get(of, [])] for of in {*variables, *LITERALS}
    }
    body = Sentences(random, known, [*SHOWN, *RECORD_VARIABLES[records]["timestamp"]], loops=1).of(
        "bool", depth
    )
    return f"{records}.{random.choice(['exists', 'all', 'exists_one'])}(q, {body})"


def checked(random: Random, kind: str, variables: dict[str, list[str]]) -> Expression:
    """Return a sentence that passes the check."""
    while True:
        expression = CHECKER.check(sentence(random, kind, variables), KINDS[kind][0])
        if isinstance(expression, Expression):
            return expression


def situation(random: Random) -> Values:
    """Return values for most mentions."""
    values: Values = {Mention("facts", name): random.choice(SLOT_VALUES[of]) for name, of in FACTS.items()}
    values[Mention("features", "score")] = random.choice(SLOT_VALUES[ValueType.DOUBLE])
    values[Mention("context", "page")] = random.choice(SLOT_VALUES[ValueType.STRING])
    values = {mention: value for mention, value in values.items() if random.random() < 0.8}
    values |= {readable(Mention("facts", name)): True for name in FACTS}
    if isinstance(texts := values.get(Mention("facts", "l")), list):
        values[members(Mention("facts", "l"))] = frozenset(texts)
    for name, records in RECORD_VALUES.items():
        values[Mention(name)] = [random.choice(records) for _ in range(random.randrange(4))]
    values[Mention("channel")] = random.choice(["web", "a", ""])
    values[Mention("now")] = Timestamp.of_ms(random.choice(TIMES))
    values[Mention("customer", "known")] = random.random() < 0.5
    if random.random() < 0.15:
        unreadable = {"facts", "tickets", "readable", "members"}
        return {mention: value for mention, value in values.items() if mention.root not in unreadable}
    return values


def as_roots(values: Values, attributes: dict[str, object]) -> dict[str, object]:
    """Return the values as maps, which is how the reference engine evaluates them."""
    roots: dict[str, object] = {"features": {}, "context": {}, "customer": {}, "action": attributes}
    if readable(Mention("facts", "b")) in values:
        roots["facts"] = {}
    for mention, value in values.items():
        if mention.root in ("readable", "members"):
            continue
        if mention.field:
            roots[mention.root][mention.field] = bound(value)  # type: ignore[index]
        elif mention.root in RECORD_VARIABLES:
            roots[mention.root] = [as_map(record) for record in value]  # type: ignore[attr-defined]
        else:
            roots[mention.root] = bound(value)
    return roots


def as_map(record: object) -> dict[str, object]:
    """Return a record as a map of the fields that it has."""
    found = {}
    for name, declared in RECORDS[type(record).__name__.lower()].items():
        value = getattr(record, declared.attribute)
        if declared.type is FieldType.TIMESTAMP:
            value = None if value is None else bound(Timestamp.of_ms(value))
        if value is not None:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def disagreements(random: Random) -> list[str]:
    """Return the disagreements about a batch of expressions, which share one function as in a rule set."""
    plain = {of: [text for text in texts if "conditions" not in text] for of, texts in VARIABLES.items()}
    conditions = {name: checked(random, "bool", plain) for name in ("vip", "new")}
    meanings = {Mention("conditions", name): item for name, item in conditions.items()}
    kinds = [random.choice(["bool"] * 4 + list(KINDS)) for _ in range(BATCH)]
    expressions = [checked(random, kind, VARIABLES) for kind in kinds]
    attributes = {
        name: random.choice(SLOT_VALUES[of]) for name, of in ATTRIBUTES.items() if random.random() < 0.75
    } | {"group": "a"}
    trees = [expression.inline(meanings).bind(attributes).tree for expression in expressions]
    run = together(trees, kinds)
    alone = [compile_function(tree, LAYOUT, KINDS[kind][0]) for tree, kind in zip(trees, kinds, strict=True)]
    sources = [written_out(expression.source, conditions) for expression in expressions]
    references = [compiled(source) for source in sources]
    found = []
    for values in [situation(random) for _ in range(ENVIRONMENTS)]:
        slots = [values.get(mention) for mention in LAYOUT]
        answers, decided = run(slots)
        bools = [answer for answer, kind in zip(answers, kinds, strict=True) if kind == "bool"]
        expected = [answer is wanted for answer in bools for wanted in (True, False)]
        assert [bool(it) for it in decided] == expected
        assert answers == [function(slots) for function in alone] or "nan" in str(answers)
        data = as_roots(values, attributes)
        for source, kind, reference, answer in zip(sources, kinds, references, answers, strict=True):
            if reference is None:
                continue
            theirs = reference_answer(reference, data)
            theirs = theirs if theirs[0] in KINDS[kind][1] else FAILED
            counted["cases"] += 1
            counted["failing"] += theirs == FAILED
            if our_answer(answer) != theirs:
                found.append(f"{source}\n  {values}\n  {attributes}\n  ours {answer}, reference {theirs}")
    return found


def compiled(source: str) -> Any:
    """Return the reference engine's expression, or None where it is lost without the types of the catalog."""
    try:
        return untyped_environment(NAMES).compile(source)
    except RuntimeError as error:
        if "found no matching overload" not in str(error):
            raise
        return None


def written_out(source: str, conditions: dict[str, Expression]) -> str:
    """Return an expression with the text of each named condition in its place, held to be a bool by &&."""
    for name, condition in conditions.items():
        source = source.replace(f"conditions.{name}", f"(({condition.source}) && true)")
    return source


LAYOUT = {
    mention: place
    for place, mention in enumerate(
        [
            *(Mention("facts", name) for name in FACTS),
            *(readable(Mention("facts", name)) for name in FACTS),
            members(Mention("facts", "l")),
            *(Mention("features", "score"), Mention("context", "page"), Mention("customer", "known")),
            *(Mention(name) for name in ("now", "channel", *RECORD_VARIABLES)),
        ]
    )
}


def together(
    trees: list[Node], kinds: list[str]
) -> Callable[[list[object]], tuple[list[object], list[object]]]:
    """Return one function for all trees, as in a rule set, and whether each bool is true and false."""
    names = {mention: f"v{place}" for mention, place in LAYOUT.items()}
    writer = CodeWriter(names)
    texts = [writer.expression(tree, KINDS[kind][0]) for tree, kind in zip(trees, kinds, strict=True)]
    bools = [tree for tree, kind in zip(trees, kinds, strict=True) if kind == "bool"]
    decided = [f"({writer.decides(tree, answer=answer)})" for tree in bools for answer in (True, False)]
    lines = [f"    {name} = slots[{LAYOUT[mention]}]" for mention, name in names.items()]
    result = f"    return [{', '.join(texts)}], [{', '.join(decided)}]"
    source = "\n".join(["def run(slots):", *lines, result])
    exec(source, writer.constants)
    return writer.constants["run"]  # type: ignore[return-value]


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**64))
def test_what_catalogs_use_gives_the_reference_engines_answers(seed: int) -> None:
    found = disagreements(Random(seed))
    assert not found, min(found, key=len)


def test_the_comparison_of_catalogs_had_enough_cases() -> None:
    if not counted["cases"]:
        pytest.skip("runs after the comparison")
    assert counted["cases"] >= 7_000
    assert 0.1 < counted["failing"] / counted["cases"] < 0.7


COMPARED = {"int": ("facts.i", ValueType.INT), "double": ("facts.d", ValueType.DOUBLE)}


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("kind", list(COMPARED))
def test_a_number_compared_with_a_written_one_agrees_up_to_the_edges(kind: str, operator: str) -> None:
    name, declared = COMPARED[kind]
    values = [*SLOT_VALUES[declared], *EDGES[kind]]
    for literal in [*LITERALS["int"], *LITERALS["double"], *LITERALS["uint"]]:
        for source in (f"{name} {operator} {literal}", f"{literal} {operator} {name}"):
            expression = CHECKER.check(source)
            assert isinstance(expression, Expression)
            run = compile_function(expression.tree, {Mention("facts", name[-1]): 0})
            reference = compiled(source)
            for value in values:
                theirs = reference_answer(reference, {"facts": {name[-1]: value}})
                assert our_answer(run([value])) == theirs, (source, value)


EDGES: dict[str, list[object]] = {
    "int": [2**53 - 1, 2**53, -(2**53) - 1, 2**62 + 1, 2**63 - 512, 3],
    "double": [2.0**53 - 1, -(2.0**53), 2.0**63 - 1024, 2.0**64, 3.0, 2.4, 1.7e308],
}


@pytest.mark.parametrize(
    "values", ["[1, 2, 7]", "[1.0, 2.5, 0.0]", "['a', 'é']", "[1u, 2u]", "[]", "[dyn(1), 'a']"]
)
@pytest.mark.parametrize("name", ["i", "d", "s"])
def test_membership_of_a_written_list_agrees(name: str, values: str) -> None:
    source = f"dyn(facts.{name}) in {values}"
    bare = f"facts.{name} in {values}"
    expressions = [CHECKER.check(source), CHECKER.check(bare)]
    reference = compiled(source)
    for expression in expressions:
        if isinstance(expression, Expression):
            run = compile_function(expression.tree, {Mention("facts", name): 0})
            for value in SLOT_VALUES[FACTS[name]]:
                theirs = reference_answer(reference, {"facts": {name: value}})
                assert our_answer(run([value])) == theirs, (source, value)
