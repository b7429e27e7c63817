"""Options about how long decisions may take, when they are made, and what is kept of them."""

from typing import Annotated

import typer

from nextbest_service.settings import AuditMode

PANEL = "Decisions"

DeadlineMsOption = Annotated[
    int,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_DEADLINE_MS",
        min=1,
        help="Longest time to an answer where the caller sets none.",
    ),
]
StoreTimeoutMsOption = Annotated[
    int,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_STORE_TIMEOUT_MS",
        min=1,
        help="Longest wait for one read of the store.",
    ),
]
LastKnownPersonsOption = Annotated[
    int,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_LAST_KNOWN_PERSONS",
        min=0,
        help="Of so many persons the last answer is remembered, for when the store is away.",
    ),
]
LastKnownSecondsOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_LAST_KNOWN_SECONDS",
        min=0.001,
        help="Older answers are not given again.",
    ),
]
AuditOption = Annotated[
    AuditMode,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_AUDIT",
        help="required: every answer waits until its record is in the decision log.",
    ),
]
LogLengthOption = Annotated[
    int,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_LOG_LENGTH",
        min=1,
        help="Entries that the decision log keeps in the store.",
    ),
]
ClockOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_CLOCK",
        help="Start the service's clock at this past time, or 'now' for the real time. Default: the "
        "clock that the catalog declares, else the real time.",
        show_default=False,
    ),
]
FreezeClockOption = Annotated[
    bool,
    typer.Option(
        "--freeze-clock",
        rich_help_panel=PANEL,
        envvar="NEXTBEST_FREEZE_CLOCK",
        help="Let the clock stand still where it starts, so that the same question gets the same answer.",
    ),
]
