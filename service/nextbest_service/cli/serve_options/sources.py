"""Options about what is served and read; they stand beside those that other commands have, too."""

from pathlib import Path
from typing import Annotated

import typer

ModelOption = Annotated[
    Path | None,
    typer.Option(envvar="NEXTBEST_MODEL", help="Model directory. Default: the one in use in the home."),
]
RedisFileOption = Annotated[
    Path | None,
    typer.Option(envvar="NEXTBEST_REDIS_URL_FILE", help="File with what --redis-url would say."),
]
FeastRedisFileOption = Annotated[
    Path | None,
    typer.Option(envvar="NEXTBEST_FEAST_REDIS_URL_FILE", help="File with what --feast-redis-url would say."),
]
