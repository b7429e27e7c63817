"""`nextbest rules`: check a catalog, run its policy tests, and give editors the schemas of its files."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextbest_service.catalogs import find_catalog, shipped_catalogs
from nextbest_service.cli.options import JsonOption

if TYPE_CHECKING:
    from nextbest_rules import Catalog
    from nextbest_rules.trials import Report, Result, Suite

EXIT_FAILED = 1
EXIT_BROKEN = 2
app = typer.Typer(no_args_is_help=True, help="Check catalogs and run their policy tests, without a service.")
CatalogArgument = Annotated[
    str,
    typer.Argument(
        metavar="CATALOG",
        help="Path to a catalog directory, or name of a shipped catalog.",
        autocompletion=lambda: list(shipped_catalogs()),
    ),
]


@app.command("check")
def check(
    catalog: CatalogArgument,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if there are warnings.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with a catalog and its tests, and what is certainly not meant.

    Exit codes: 0 nothing wrong, 1 warnings under --strict, 2 errors.
    """
    from nextbest_service.cli import rule_reports  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_service.cli.catalog_check import check_catalog  # noqa: PLC0415

    found = check_catalog(find_catalog(catalog))
    if as_json:
        typer.echo(json.dumps(rule_reports.findings_as_data(found)))
    else:
        rule_reports.print_findings(found)
    if found.errors:
        raise typer.Exit(EXIT_BROKEN)
    if found.warnings and strict:
        raise typer.Exit(EXIT_FAILED)


@app.command("test")
def run_tests(
    catalog: CatalogArgument,
    suite: Annotated[
        str, typer.Option(metavar="GLOB", help="Only suites whose file name matches, such as 's1*'.")
    ] = "*",
    story: Annotated[str, typer.Option(help="Only tests that tell this story, such as S1.")] = "",
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the results as JUnit XML.", dir_okay=False)
    ] = None,
    min_coverage: Annotated[
        float, typer.Option(min=0, max=100, help="Least share of covered rules, in percent.")
    ] = 0.0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also name the tests that pass.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the policy tests beside a catalog: given a customer, a request and a clock, what must come back?

    Exit codes: 0 all pass, 1 tests fail or too few rules are covered, 2 the catalog or its tests are broken.
    """
    from nextbest_rules import load_catalog  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_rules.trials import junit_xml, read_suites, selected  # noqa: PLC0415
    from nextbest_service.cli import rule_reports  # noqa: PLC0415

    directory = find_catalog(catalog)
    loaded = load_catalog(directory)
    suites = selected(read_suites(directory, loaded), suite, story)
    if not suites:
        raise typer.BadParameter(f"no test in {directory / 'tests'} matches", param_hint="--suite / --story")
    started = time.monotonic()
    report = _run(loaded, suites)
    seconds = time.monotonic() - started
    if junit is not None:
        junit.write_text(junit_xml(report), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(rule_reports.report_as_data(report, seconds)))
    else:
        whole = (suite, story) == ("*", "")
        rule_reports.print_report(report, seconds, verbose=verbose, uncovered=whole or verbose)
    if report.failed or report.coverage.percent < min_coverage:
        raise typer.Exit(EXIT_FAILED)


def _run(catalog: "Catalog", suites: "tuple[Suite, ...]") -> "Report":
    from nextbest_rules.trials import run  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_service.decisions.offline import decide_offline, offline_generation  # noqa: PLC0415

    generation = offline_generation(catalog)
    with _progress(sum(len(suite.trials) for suite in suites)) as done:
        return run(suites, catalog, lambda question: decide_offline(generation, question), done)


@contextmanager
def _progress(total: int) -> "Iterator[Callable[[Result], None]]":
    """Yield what is told of each result: it moves a bar, if somebody is there to see it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415 - slow to import

    with progress_bars() as show:
        count = 0

        def done(_: "Result") -> None:
            nonlocal count
            count += 1
            show("Policy tests", count, total)

        yield done


@app.command("schema")
def schema(
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write one file per kind, such as policies.json.", file_okay=False),
    ] = None,
) -> None:
    """Give the JSON Schemas of a catalog's files, with which editors complete and check them."""
    from nextbest_rules.loading.json_schema import schemas  # noqa: PLC0415 - slow to import

    if out is None:
        typer.echo(json.dumps(dict(schemas()), indent=2))
        return
    out.mkdir(parents=True, exist_ok=True)
    for kind, content in schemas().items():
        (out / f"{kind}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"Wrote {len(schemas())} schemas to {out}")
