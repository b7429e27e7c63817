"""Options that several commands share, each with its NEXTBEST_* variable."""

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


def usable_url(url: str | None) -> str | None:
    """Return the URL of a store, the value of an option, if it can be used."""
    from nextbest_service.store.connection import check_url  # noqa: PLC0415 - slow to import

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
        help="Your own Redis or Valkey (redis://, rediss://, unix://). Default: one embedded in the home.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

DEFAULT_HOME = Path(".nextbest")
DEFAULT_CATALOG = "grocery"
