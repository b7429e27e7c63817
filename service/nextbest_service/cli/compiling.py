"""`nextbest compile`: have the kernels compiled ahead of the first start."""

import typer

from nextbest_service.kernels import ensure_compiled
from nextbest_service.logs import LogFormat, LogLevel, configure_logs


def compile_kernels() -> None:
    """Compile for this machine what serving needs, as the first `serve` does: for images, and before tests.

    What was compiled is kept beside the installed package, or in the user's cache directory, or with
    NUMBA_CACHE_DIR there, for this kind of processor. Ends with exit code 1 if nothing can be kept.
    """
    configure_logs(LogFormat.AUTO, LogLevel.INFO)
    if not ensure_compiled():
        typer.echo("nothing was compiled that could be kept", err=True)
        raise typer.Exit(1)
    typer.echo("all kernels are compiled for this machine")
