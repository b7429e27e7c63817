"""`nextbest decide-batch`: what is best for every customer of a file, for outbound campaigns."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.cli.decide import key_and_value
from nextbest_service.cli.extras import parquet_needed
from nextbest_service.cli.load_rows import SOME_REJECTED, MapOption
from nextbest_service.cli.options import (
    DEFAULT_CATALOG,
    DEFAULT_HOME,
    BrandOption,
    CandidateOption,
    CatalogOption,
    ExcludeOption,
    FeastOption,
    FeastRedisOption,
    GoalOption,
    HomeOption,
    JsonOption,
    LocaleOption,
    RedisOption,
    parse_moment,
)
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest_service.cli.batch_steps import BatchReport


def decide_batch(
    customers: Annotated[
        Path,
        typer.Argument(
            help="The customers: Parquet (*.parquet), CSV (*.csv, *.tsv) or JSON lines (*.jsonl), with the "
            "columns namespace and id, or one per namespace.",
            exists=True,
            dir_okay=False,
        ),
    ],
    output: Annotated[
        Path, typer.Argument(help="Where the answers go: Parquet, one row per customer.", dir_okay=False)
    ],
    placement: Annotated[
        str, typer.Option("--placement", "-p", help="Placement to fill.", show_default=False)
    ],
    limit: Annotated[
        int, typer.Option(min=0, help="Propositions per customer; 0 = the placement's default.")
    ] = 0,
    commit: Annotated[
        bool,
        typer.Option(
            "--commit",
            help="Decide for good: reserve what caps count, log, and give tokens. Default: only plan.",
        ),
    ] = False,
    channel: Annotated[
        str, typer.Option(help="Channel. Default: that of the placement, or the best of several.")
    ] = "",
    brand: BrandOption = "",
    goal: GoalOption = "",
    locale: LocaleOption = "",
    context: Annotated[
        list[str] | None,
        typer.Option(help="Context of all rows as key=value; columns context.KEY go before it; repeatable."),
    ] = None,
    candidate: CandidateOption = None,
    candidates: Annotated[
        Path | None,
        typer.Option(help="File with the ids of such actions, one per line.", exists=True, dir_okay=False),
    ] = None,
    exclude: ExcludeOption = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Plan for this moment, such as 2024-03-15T09:00Z. Default: now, by the catalog's clock.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Also count, per customer, which rules stopped how many actions."),
    ] = False,
    content: Annotated[bool, typer.Option(help="Give content and parameters of the treatments.")] = True,
    name: Annotated[
        str,
        typer.Option(
            help="Name of the batch, by which a committed one that runs again gets the same answers. "
            "Default: made of the file and the question.",
            show_default=False,
        ),
    ] = "",
    mapping: MapOption = None,
    workers: Annotated[
        int,
        typer.Option(min=0, max=64, help="Processes. 0: one for small files, else one per core up to 4."),
    ] = 0,
    dask: Annotated[
        str,
        typer.Option(
            help="Decide on a Dask cluster: its scheduler's address, or local:N for N processes here.",
            show_default=False,
        ),
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted batch stopped.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(help="Where rejected rows go. Default: OUTPUT.rejects.jsonl.", show_default=False),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            envvar="NEXTBEST_MODEL",
            help="Directory of a model version. Default: the one in use in the home.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    feast: FeastOption = None,
    feast_redis_url: FeastRedisOption = None,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide for every customer of a file, as the service would.

    Without --commit it is a plan: nothing is reserved, logged or signed, and nothing is explored. Ends with 4
    if rows were rejected.
    """
    if output.suffix != ".parquet":
        raise typer.BadParameter("expected a file *.parquet", param_hint="OUTPUT")
    if (feast is None) != (feast_redis_url is None):
        raise typer.BadParameter("--feast and --feast-redis-url go together", param_hint="--feast")
    with parquet_needed():
        import pyarrow  # noqa: F401, PLC0415 - an extra
    from nextbest_service.batch.job import Campaign, Feast  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_service.cli.batch_steps import BatchOrder  # noqa: PLC0415
    from nextbest_service.cli.batch_steps import decide_batch as run  # noqa: PLC0415
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415

    listed = [line.strip() for line in candidates.read_text().splitlines()] if candidates else []
    order = BatchOrder(
        customers=customers,
        output=output,
        campaign=Campaign(
            placement=placement,
            limit=limit,
            channel=channel,
            brand=brand,
            goal=goal,
            locale=locale,
            context=tuple(key_and_value(entry) for entry in context or []),
            candidates=(*(candidate or []), *filter(None, listed)),
            excluded=tuple(exclude or []),
            content=content,
            explain=explain,
            commit=commit,
        ),
        name=name,
        mapping=mapping,
        at=None if at is None else parse_moment(at, "--at"),
        workers=workers,
        dask=dask,
        resume=resume,
        rejects=rejects,
        model=model,
        feast=Feast(feast, feast_redis_url) if feast and feast_redis_url else None,
    )
    started = time.monotonic()
    with progress_bars() as progress:
        report = run(Home(home), redis_url, catalog, order, progress)
    _tell(report, time.monotonic() - started, as_json=as_json)
    if report.counts.rejected:
        raise typer.Exit(SOME_REJECTED)


def _tell(report: "BatchReport", seconds: float, *, as_json: bool) -> None:
    counts = report.counts
    pace = round((counts.rows - counts.resumed) / seconds) if seconds else 0
    if as_json:
        figures = {"seconds": round(seconds, 2), "decisions_per_second": pace}
        typer.echo(json.dumps({**report.to_plain(), **figures}))
        return
    console = Console(highlight=False)
    verb = "Planned" if report.moment_ms is not None else "Decided"
    if counts.resumed:
        console.print(f"{counts.resumed:,} rows had been decided before the interruption.")
    console.print(
        f"[bold green]{verb}[/] for {counts.decided:,} customers in {seconds:.1f} s ({pace:,} per second): "
        f"{counts.propositions:,} propositions for {counts.offered:,} of them, in {report.output}"
    )
    if counts.degraded:
        console.print(f"[bold yellow]{counts.degraded:,} degraded[/]: the column says why.")
    if counts.rejected:
        console.print(f"[bold red]{counts.rejected:,} rejected[/]: reasons and rows are in {report.rejects}")
