"""How checks and policy tests look on a terminal, and as data."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from nextbest_rules.rulebook import rules_of
from nextbest_rules.trials import Failure, Report, Result, RuleCoverage
from nextbest_service.cli.catalog_check import Findings


def print_findings(found: Findings) -> None:
    """Print errors and warnings, one a line, and a summary."""
    console = _console()
    for error in found.errors:
        console.print(
            Text.assemble(
                (f"{error.file}:{error.line}:{error.column}: ", "bold"), ("error: ", "red"), error.message
            )
        )
    for warning in found.warnings:
        place = warning.location
        console.print(
            Text.assemble(
                (f"{place.file}:{place.line}:{place.column}: ", "bold"),
                ("warning: ", "yellow"),
                warning.message,
            )
        )
    console.print(_summary(found), style="red" if found.errors else "yellow" if found.warnings else "green")


def _summary(found: Findings) -> str:
    counts = f"{_count(len(found.errors), 'error')}, {_count(len(found.warnings), 'warning')}"
    catalog = found.catalog
    if catalog is None:
        return counts
    rules = sum(1 for _ in rules_of(catalog))
    tests = sum(len(suite.trials) for suite in found.suites)
    size = (_count(len(catalog.actions), "action"), _count(rules, "rule"), _count(tests, "test"))
    return f"{catalog.name}: {', '.join(size)}: {counts}"


def findings_as_data(found: Findings) -> dict[str, object]:
    """Return errors and warnings for JSON."""
    return {
        "errors": [
            {"file": error.file, "line": error.line, "column": error.column, "message": error.message}
            for error in found.errors
        ],
        "warnings": [
            {
                "kind": warning.kind.value,
                "file": warning.location.file,
                "line": warning.location.line,
                "column": warning.location.column,
                "message": warning.message,
            }
            for warning in found.warnings
        ],
    }


def print_report(report: Report, seconds: float, *, verbose: bool, uncovered: bool) -> None:
    """Print what failed and why, then the counts, the stories and the coverage of the rules.

    `verbose` also names what passed, `uncovered` the rules that are not covered.
    """
    console = _console()
    for result in report.results:
        if not result.passed:
            _print_failed(console, result)
        elif verbose:
            console.print(Text.assemble(("ok    ", "green"), f"{result.trial.suite}: {result.trial.name}"))
    count, failed = len(report.results), len(report.failed)
    suites = len({result.trial.file for result in report.results})
    tests = f"{_count(count, 'test')} in {_count(suites, 'suite')}"
    outcome = f"{count - failed} passed, {failed} failed" if failed else "all passed"
    console.print(f"{tests}: {outcome}, in {seconds:.2f} s", style="red" if failed else "green")
    if report.stories:
        console.print(f"Stories told: {' '.join(report.stories)}")
    _print_coverage(console, report, uncovered=uncovered)


def _print_failed(console: Console, result: Result) -> None:
    trial = result.trial
    console.print(Text.assemble(("FAIL  ", "bold red"), (f"{trial.suite}: {trial.name}", "bold")))
    for failure in result.failures:
        place = trial.place(*failure.path)
        console.print(f"      {trial.file}:{place.line}:{place.column}  {failure.what}")
        for label, text in _sides(failure):
            console.print(Text.assemble(f"        {label:<10}", text))
    console.print()


def _sides(failure: Failure) -> Iterable[tuple[str, str]]:
    yield "expected", failure.expected
    yield "came", failure.came
    yield from (("because", reason) for reason in failure.why)


def _print_coverage(console: Console, report: Report, *, uncovered: bool) -> None:
    coverage = report.coverage
    covered = len(coverage.rules) - len(coverage.uncovered)
    console.print(f"Rules covered: {coverage.percent:.1f} % ({covered} of {len(coverage.rules)})")
    for rule in coverage.uncovered if uncovered else ():
        console.print(f"  {rule.rule}: {_unseen(rule)}")


def _unseen(rule: RuleCoverage) -> str:
    if rule.in_force:
        return "no test saw it let pass what it is about"
    return "no test saw it in force" if rule.let_pass else "no test saw it at all"


def report_as_data(report: Report, seconds: float) -> dict[str, object]:
    """Return the results of policy tests for JSON."""
    coverage = report.coverage
    return {
        "tests": len(report.results),
        "failed": len(report.failed),
        "seconds": round(seconds, 3),
        "stories": list(report.stories),
        "coverage": {
            "percent": round(coverage.percent, 2),
            "rules": len(coverage.rules),
            "uncovered": [
                {"rule": rule.rule, "in_force": rule.in_force, "let_pass": rule.let_pass}
                for rule in coverage.uncovered
            ],
        },
        "failures": [
            _failure_as_data(result, failure) for result in report.failed for failure in result.failures
        ],
    }


def _failure_as_data(result: Result, failure: Failure) -> dict[str, object]:
    trial, place = result.trial, result.trial.place(*failure.path)
    return {
        "suite": trial.suite,
        "test": trial.name,
        "stories": list(trial.stories),
        "file": trial.file,
        "line": place.line,
        "column": place.column,
        "expectation": failure.what,
        "expected": failure.expected,
        "came": failure.came,
        "why": list(failure.why),
    }


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _console() -> Console:
    """Return a console that leaves lines as they are: they are for people and for grep."""
    return Console(highlight=False, soft_wrap=True, markup=False)
