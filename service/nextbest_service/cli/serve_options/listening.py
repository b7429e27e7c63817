"""Options about where the service listens."""

from typing import Annotated

import typer

PANEL = "Listening"

HostOption = Annotated[
    str, typer.Option(rich_help_panel=PANEL, envvar="NEXTBEST_HOST", help="Address to listen on.")
]
PortOption = Annotated[
    int,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_PORT",
        min=0,
        max=65535,
        help="Port to listen on; 0 = any free one.",
    ),
]
ReservedPortOption = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_RESERVED_PORT",
        min=0,
        max=65535,
        help="Answer the same calls on this port, too, for those who must not wait behind others, such "
        "as a contact centre.",
        show_default=False,
    ),
]
WaitingCallsOption = Annotated[
    int,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_WAITING_CALLS",
        min=1,
        help="So many calls may wait before a process takes them up; beyond they are turned away.",
    ),
]
HealthPortOption = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_HEALTH_PORT",
        min=0,
        max=65535,
        help="Tell health, and nothing else, on this port, too: without TLS, for probes that know none.",
        show_default=False,
    ),
]
AdminHostOption = Annotated[
    str,
    typer.Option(rich_help_panel=PANEL, envvar="NEXTBEST_ADMIN_HOST", help="Address of the AdminService."),
]
AdminPortOption = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_ADMIN_PORT",
        min=0,
        max=65535,
        help="Serve the AdminService on this port, worker k of several on this port + k; 0 = any free "
        "one. Default: nowhere.",
        show_default=False,
    ),
]
