"""What the rules cost: compiling, screening and explaining catalogs of growing size.

Run it with `python -m benchmarks.micro.screen`; add `--json` for a machine. Every action has three to five
conditions of its own, drawn from a pool of distinct predicates of the shapes that marketers write:
thresholds, equalities, memberships, flags, and compounds of them. `look` puts the customer's values into
slots, `screen` finds the live actions; reasons are computed by `explain` alone. About half of the actions
survive. In the same run, round by round beside ours, the reference engine (cel-expr-python) evaluates 1,000
of these conditions, each already compiled and the customer's values already in place.

Three curves: more actions, more distinct predicates, and more actions that share the same predicates.
"""

import argparse
import json
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType

from cel_expr_python import cel

from nextbest_rules import Action, ActionType, Catalog, RuleSet, Situation, Surface, load_catalog
from nextbest_rules.policies import ConditionRule, Selector
from nextbest_rules.terms import Stage, UnknownMode

NUMBERS, TEXTS, FLAGS = 24, 12, 8
COLOURS = ("amber", "blue", "coral", "denim", "ecru", "fawn")
PLACEMENT = "{id: home, title: Home, channel: web, direction: INBOUND, default_limit: 3}"
REFERENCE_EVALUATIONS = 1_000


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one catalog. Microseconds are medians over calls."""

    actions: int
    predicates: int
    live: int
    compile_ms: float
    look_us: float
    screen_us: float
    screen_p99_us: float
    unknown_us: float
    explain_ms: float


def base_catalog() -> Catalog:
    """Return a catalog with the facts that the predicates read, and one action to copy."""
    facts = [f"  - {{name: n{number}, type: int}}" for number in range(NUMBERS)]
    facts += [f"  - {{name: t{number}, type: string}}" for number in range(TEXTS)]
    facts += [f"  - {{name: b{number}, type: bool}}" for number in range(FLAGS)]
    facts += ["  - {name: tags, type: list<string>}"]
    files = {
        "catalog.yaml": "name: synthetic\ntitle: Synthetic\nchannels: [web]\n",
        "features.yaml": "features: []\n",
        "facts.yaml": "\n".join(["facts:", *facts]) + "\n",
        "placements.yaml": f"placements: [{PLACEMENT}]\n",
        "policies.yaml": "{}\n",
        "actions/all.yaml": "- {id: a0, type: OFFER, issue: i, group: g, title: T, value: 1.0}\n",
    }
    with tempfile.TemporaryDirectory() as name:
        for file, text in files.items():
            (Path(name) / file).parent.mkdir(exist_ok=True)
            (Path(name) / file).write_text(text)
        return load_catalog(Path(name))


def predicates() -> Iterator[str]:
    """Yield distinct predicates without end, most of them true for the customer below."""
    for number in range(10_000):
        fact, text, flag = number % NUMBERS, number % TEXTS, number % FLAGS
        colours = COLOURS[number % 3 : number % 3 + 4]
        yield f"facts.n{fact} >= {number % 60}"
        yield f"facts.t{text} in {json.dumps([*colours, f'c{number}'])}"
        yield f"facts.n{fact} != {1_000 + number}"
        yield f'facts.t{text} != "c{number}"'
        yield f"facts.b{flag} || facts.n{fact} > {number}"
        yield f'"x{number % 97}-{number}" in facts.tags || facts.n{fact} < {500 + number}'


def customer() -> Situation:
    """Return a customer of whom every fact is known."""
    facts: dict[str, object] = {f"n{number}": 20 + 13 * number % 70 for number in range(NUMBERS)}
    facts |= {f"t{number}": COLOURS[number % 4] for number in range(TEXTS)}
    facts |= {f"b{number}": number % 2 == 0 for number in range(FLAGS)}
    facts["tags"] = [f"x{number}-{number}" for number in range(20)]
    return Situation(now_ms=1_510_563_600_000, known=True, channel="web", facts=facts)


def synthetic(base: Catalog, actions: int, distinct: int) -> Catalog:
    """Return a catalog in which each action asks three to five of the distinct predicates."""
    chance, source = random.Random(7), predicates()
    pool = [next(source) for _ in range(distinct)]
    made = tuple(
        _action(base.actions[0], number, chance.sample(pool, 3 + number % 3)) for number in range(actions)
    )
    index = MappingProxyType({action.id: bit for bit, action in enumerate(made)})
    return replace(base, actions=made, index=index)


def _action(template: Action, number: int, conditions: list[str]) -> Action:
    action_id = f"a{number}"
    only = Selector(actions=frozenset({action_id}))
    rules = tuple(
        ConditionRule(f"{action_id}.{place}", Stage.ELIGIBILITY, only, source, "No.", UnknownMode.DENY)
        for place, source in enumerate(conditions)
    )
    return replace(template, id=action_id, type=ActionType.OFFER, rules=rules)


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(base: Catalog, actions: int, distinct: int, calls: int) -> Result:
    """Measure one catalog."""
    catalog = synthetic(base, actions, distinct)
    compile_s = seconds(lambda: RuleSet.compile(catalog))
    rules, known = RuleSet.compile(catalog), customer()
    stranger = replace(known, facts={})

    view, nobody, surface = rules.look(known), rules.look(stranger), Surface("home", "web", "")
    looks = [seconds(lambda: rules.look(known)) for _ in range(calls)]
    screens = [seconds(lambda: rules.screen(view)) for _ in range(calls)]
    strangers = [seconds(lambda: rules.screen(nobody)) for _ in range(calls)]
    explains = [seconds(lambda: rules.explain(view, surface)) for _ in range(5)]
    return Result(
        actions=actions,
        predicates=distinct,
        live=rules.screen(view).live.bit_count(),
        compile_ms=compile_s * 1e3,
        look_us=statistics.median(looks) * 1e6,
        screen_us=statistics.median(screens) * 1e6,
        screen_p99_us=statistics.quantiles(screens, n=100)[98] * 1e6,
        unknown_us=statistics.median(strangers) * 1e6,
        explain_ms=statistics.median(explains) * 1e3,
    )


def reference() -> Callable[[], None]:
    """Return what evaluates 1,000 conditions in the reference engine."""
    environment = cel.NewEnv(variables={"facts": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})
    source = predicates()
    compiled = [environment.compile(next(source)) for _ in range(300)]
    work = (compiled * 4)[:REFERENCE_EVALUATIONS]
    activation = environment.Activation({"facts": customer().facts})

    def evaluate_all() -> None:
        for expression in work:
            expression.eval(activation).value()

    return evaluate_all


def beside_the_reference(base: Catalog, rounds: int) -> tuple[float, float, float]:
    """Return medians in microseconds, measured round by round.

    They are of looking at the customer (45 facts), of screening 1,000 actions, and of the reference.
    """
    rules, known, evaluate_all = RuleSet.compile(synthetic(base, 1_000, 300)), customer(), reference()
    view = rules.look(known)
    looks, screens, theirs = [], [], []
    for _ in range(rounds):
        theirs.append(seconds(evaluate_all))
        looks += [seconds(lambda: rules.look(known)) for _ in range(50)]
        screens += [seconds(lambda: rules.screen(view)) for _ in range(50)]
    return statistics.median(looks) * 1e6, statistics.median(screens) * 1e6, statistics.median(theirs) * 1e6


CURVES = {
    "more actions, 300 distinct predicates": [(100, 300), (1_000, 300), (5_000, 300), (10_000, 300)],
    "more distinct predicates, 1,000 actions": [(1_000, 30), (1_000, 100), (1_000, 300), (1_000, 1_000)],
    "more actions that share 30 predicates": [(100, 30), (1_000, 30), (10_000, 30)],
}


def table(results: list[Result]) -> str:
    """Render one curve as plain text."""
    head = (
        f"{'actions':>8} {'predicates':>11} {'live':>6} {'compile ms':>11} {'look us':>8} {'screen us':>10}"
    )
    lines = [f"{head} {'p99':>8} {'all unknown us':>15} {'explain ms':>11}"]
    lines += [
        f"{r.actions:>8} {r.predicates:>11} {r.live:>6} {r.compile_ms:>11.1f} {r.look_us:>8.1f} "
        f"{r.screen_us:>10.1f} "
        f"{r.screen_p99_us:>8.1f} {r.unknown_us:>15.1f} {r.explain_ms:>11.2f}"
        for r in results
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--calls", type=int, default=1_000, help="screens per catalog (default 1000)")
    options = parser.parse_args()
    base = base_catalog()
    curves = {
        name: [measure(base, actions, distinct, options.calls) for actions, distinct in points]
        for name, points in CURVES.items()
    }
    look_us, screen_us, reference_us = beside_the_reference(base, rounds=40)
    ratio = reference_us / (look_us + screen_us)
    if options.json:
        document = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "look_us": look_us,
            "screen_us": screen_us,
            "reference_1000_evaluations_us": reference_us,
            "ratio": ratio,
            "curves": {name: [asdict(result) for result in results] for name, results in curves.items()},
        }
        print(json.dumps(document, indent=2))
        return
    for name, results in curves.items():
        print(f"{name}\n{table(results)}\n")
    print("1,000 actions, 3 to 5 conditions each, 300 distinct predicates, medians round by round:")
    print(f"  look {look_us:.1f} us, screen {screen_us:.1f} us")
    print(f"  1,000 evaluations in the reference engine {reference_us:.0f} us: {ratio:.0f} times both")


if __name__ == "__main__":
    main()
