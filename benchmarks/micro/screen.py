"""What the rules cost: loading, compiling, screening and explaining catalogs of growing size.

Run it with `python -m benchmarks.micro.screen`; add `--json` for a machine. Each catalog is synthetic: 27
campaigns, one rule about the campaign (27 predicates) and three about the customer, so that 30 predicates are
evaluated per screen whatever the number of actions. Beside it stands what as many evaluations cost in the
reference engine alone.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from nextbest_rules import RuleSet, Situation, load_catalog
from nextbest_rules.conditions import Condition, ConditionChecker, open_scope
from nextbest_rules.declarations import ValueType
from nextbest_rules.vocabulary import Vocabulary

CAMPAIGNS = 27
FILES = {
    "catalog.yaml": """
name: synthetic
title: Synthetic
channels: [web]
action_attributes:
  - {name: campaign, type: string}
  - {name: campaign_type, type: string}
""",
    "features.yaml": """
features:
  - {name: trips_91d, source: customer, definition: {}}
""",
    "facts.yaml": """
facts:
  - {name: campaigns, type: list<string>, default: []}
  - {name: age, type: int}
""",
    "placements.yaml": """
placements:
  - {id: home, title: Home, channel: web, direction: INBOUND, default_limit: 3}
""",
    "policies.yaml": """
eligibility:
  - id: campaign_was_sent
    require: action.campaign in facts.campaigns || !customer.known && action.campaign_type != "A"
    reason: Not sent.
  - {id: adult, require: facts.age >= 18, reason: Too young.}
  - {id: regular, require: features.trips_91d > 2, reason: Too rare., when_unknown: allow}
  - {id: not_by_email, require: channel != "email", reason: Not by email.}
""",
}
ACTION = """
- id: c{campaign}-{number}
  type: OFFER
  issue: retention
  group: YOGURT
  title: "Coupon {number}"
  value: 1.0
  valid: {{from: 2017-10-30, until: 2017-12-24}}
  attributes: {{campaign: "{campaign}", campaign_type: B}}
"""
SITUATION = Situation(
    now_ms=1_510_563_600_000,
    known=True,
    channel="web",
    facts={"campaigns": ["3", "8", "13", "18", "19"], "age": 40},
    features={"trips_91d": 14.0},
)


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one catalog size."""

    actions: int
    live: int
    load_s: float
    compile_ms: float
    screen_us: float
    screen_p99_us: float
    explain_ms: float


def write_catalog(directory: Path, actions: int) -> None:
    """Write a synthetic catalog."""
    for file, text in FILES.items():
        (directory / file).write_text(text)
    (directory / "actions").mkdir()
    items = (ACTION.format(campaign=number % CAMPAIGNS, number=number) for number in range(actions))
    (directory / "actions" / "all.yaml").write_text("".join(items))


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(actions: int, calls: int) -> Result:
    """Measure one catalog size."""
    with tempfile.TemporaryDirectory() as name:
        write_catalog(Path(name), actions)
        load_s = seconds(lambda: load_catalog(Path(name)))
        catalog = load_catalog(Path(name))
    rules = RuleSet.compile(catalog)
    screens = [seconds(lambda: rules.screen(SITUATION)) for _ in range(calls)]
    explains = [seconds(lambda: rules.explain(SITUATION, "home")) for _ in range(9)]
    return Result(
        actions=actions,
        live=rules.screen(SITUATION).live.bit_count(),
        load_s=load_s,
        compile_ms=seconds(lambda: RuleSet.compile(catalog)) * 1e3,
        screen_us=statistics.median(screens) * 1e6,
        screen_p99_us=statistics.quantiles(screens, n=100)[98] * 1e6,
        explain_ms=statistics.median(explains) * 1e3,
    )


def reference_us(calls: int) -> float:
    """Time the same 30 evaluations in the reference engine, with the customer's values already in place."""
    vocabulary = Vocabulary(
        facts={"campaigns": ValueType.STRINGS},
        features={},
        context={},
        attributes={"campaign": ValueType.STRING, "campaign_type": ValueType.STRING},
    )
    condition = ConditionChecker(vocabulary).check(
        'action.campaign in facts.campaigns || !customer.known && action.campaign_type != "A"'
    )
    assert isinstance(condition, Condition)
    predicates = [condition.bind({"campaign": str(number), "campaign_type": "B"}) for number in range(30)]
    scope = open_scope({"facts": SITUATION.facts, "customer": {"known": True}})

    def evaluate_all() -> None:
        for predicate in predicates:
            predicate.evaluate(scope)

    return statistics.median(seconds(evaluate_all) for _ in range(calls)) * 1e6


def table(results: list[Result], reference: float) -> str:
    """Render the results as plain text."""
    head = f"{'actions':>8} {'live':>6} {'load s':>8} {'compile ms':>11}"
    lines = [f"{head} {'screen us':>10} {'p99':>8} {'explain ms':>11}"]
    lines += [
        f"{r.actions:>8} {r.live:>6} {r.load_s:>8.2f} {r.compile_ms:>11.1f} {r.screen_us:>10.1f} "
        f"{r.screen_p99_us:>8.1f} {r.explain_ms:>11.2f}"
        for r in results
    ]
    return "\n".join([*lines, f"30 evaluations in the reference engine alone: {reference:.1f} us"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--calls", type=int, default=2_000, help="screens per catalog (default 2000)")
    parser.add_argument("--actions", type=int, nargs="+", default=[100, 1_197, 5_000], help="catalog sizes")
    options = parser.parse_args()
    results = [measure(actions, options.calls) for actions in options.actions]
    reference = reference_us(options.calls)
    if options.json:
        document = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "results": [asdict(result) for result in results],
            "reference_engine_30_evaluations_us": reference,
        }
        print(json.dumps(document, indent=2))
    else:
        print(table(results, reference))


if __name__ == "__main__":
    main()
