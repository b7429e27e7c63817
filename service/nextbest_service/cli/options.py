"""Options that several commands share, each with its NEXTBEST_* variable."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from nextbest_service.catalogs import shipped_catalogs


def parse_moment(text: str, option: str) -> datetime:
    """Return an ISO 8601 date or date-time, the value of an option; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            "expected a date or date-time such as 2017-10-30 or 2017-10-30T09:00Z", param_hint=option
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def usable_url(parameter: typer.CallbackParam, url: str | None) -> str | None:
    """Return the URL of a store, the value of an option or of the file that its variable names, if usable.

    The variable of `--redis-url` is NEXTBEST_REDIS_URL, and NEXTBEST_REDIS_URL_FILE names a file instead.
    """
    from nextbest_service.secret_files import read_secret  # noqa: PLC0415 - slow to import
    from nextbest_service.store.connection import check_url  # noqa: PLC0415

    file = os.environ.get(f"{parameter.envvar}_FILE")
    if not url and file:
        url = read_secret(Path(file))
    if url:
        try:
            check_url(url)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return url


HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="NEXTBEST_HOME",
        help="Directory for local data: embedded store, models.",
        show_default=True,
    ),
]
CatalogOption = Annotated[
    str,
    typer.Option(
        "--catalog",
        envvar="NEXTBEST_CATALOG",
        help="Name of a shipped catalog, or path to a catalog directory.",
        autocompletion=lambda: list(shipped_catalogs()),
    ),
]
RedisOption = Annotated[
    str | None,
    typer.Option(
        "--redis-url",
        envvar="NEXTBEST_REDIS_URL",
        callback=usable_url,
        help="Your own Redis or Valkey (redis://, rediss://, unix://). Default: one embedded in the home. "
        "NEXTBEST_REDIS_URL_FILE names a file with it.",
        show_default=False,
    ),
]
FeastOption = Annotated[
    Path | None,
    typer.Option(
        "--feast",
        envvar="NEXTBEST_FEAST",
        exists=True,
        dir_okay=False,
        help="YAML file: which features to read from a Feast online store in Redis.",
    ),
]
FeastRedisOption = Annotated[
    str | None,
    typer.Option(
        "--feast-redis-url",
        envvar="NEXTBEST_FEAST_REDIS_URL",
        callback=usable_url,
        help="Where that online store is (redis://, rediss://, redis-cluster://, unix://). "
        "NEXTBEST_FEAST_REDIS_URL_FILE names a file with it.",
        show_default=False,
    ),
]
BrandOption = Annotated[str, typer.Option(help="Brand that asks. Default: the catalog's default brand.")]
GoalOption = Annotated[str, typer.Option(help="Goal in force. Default: the catalog's default goal.")]
LocaleOption = Annotated[
    str, typer.Option(help="Language tag such as de-CH. Default: the catalog's default locale.")
]
ExcludeOption = Annotated[list[str] | None, typer.Option(help="Action that is not wanted; repeatable.")]
CandidateOption = Annotated[
    list[str] | None,
    typer.Option(help="Only these actions compete; repeatable. Default: the whole catalog."),
]
ExportOption = Annotated[
    Path, typer.Option(help="Directory that `nextbest log export` wrote.", exists=True, file_okay=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

DEFAULT_HOME = Path(".nextbest")
DEFAULT_CATALOG = "grocery"
