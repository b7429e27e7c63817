"""Options about what is served, and when it is loaded anew."""

from typing import Annotated

import typer

PANEL = "Loading"

WatchOption = Annotated[
    bool,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_WATCH",
        help="Load the catalog and the models in use anew once they change.",
    ),
]
LastGoodOption = Annotated[
    bool,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_LAST_GOOD",
        help="Start with what was served last where the catalog or a model is broken.",
    ),
]
ReloadTimeoutSecondsOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_RELOAD_TIMEOUT_SECONDS",
        min=0.1,
        help="Longest check of what is to be loaded anew; what takes longer is refused.",
    ),
]
