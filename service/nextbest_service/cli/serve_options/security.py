"""Options about who may call, and how calls come."""

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Security"

TlsCertOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_TLS_CERT",
        help="PEM file with the service's certificate, its chain included. Read again when it changes.",
    ),
]
TlsKeyOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=PANEL, envvar="NEXTBEST_TLS_KEY", help="PEM file with the certificate's key."
    ),
]
TlsClientCaOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_TLS_CLIENT_CA",
        help="PEM file with the authorities of client certificates. With it, every client needs one.",
    ),
]
CallersOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_CALLERS",
        help="YAML file of those who may call, and what they may do; nobody else may do anything. "
        "Default: everybody may do everything.",
        show_default=False,
    ),
]
InsecureOption = Annotated[
    bool,
    typer.Option(
        "--insecure",
        rich_help_panel=PANEL,
        envvar="NEXTBEST_INSECURE",
        help="Listen without TLS, even where others than this machine reach the address.",
    ),
]
ProductionOption = Annotated[
    bool,
    typer.Option(
        "--production",
        rich_help_panel=PANEL,
        envvar="NEXTBEST_PRODUCTION",
        help="Serve only with TLS and callers, and without reflection.",
    ),
]
