"""How a process ends: failures that a user can mend become a message and an exit code."""

import sys
from collections.abc import Callable

import typer

EXIT_INTERRUPTED = 130


def run_told(command: Callable[[], object]) -> None:
    """Run a command; tell what a user can mend, and raise what is a defect of ours."""
    try:
        command()
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        from nextbest_service.cli.failures import describe  # noqa: PLC0415 - knows all parts, thus slow to import

        failure = describe(error)
        if failure is None:
            raise
        for line in failure.lines:
            typer.echo(line, err=True)
        sys.exit(failure.exit_code)
