"""How a process ends: failures that a user can mend become a message and an exit code."""

import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

import typer

from nextbest_service.workers.endings import ServiceEndedError

EXIT_INTERRUPTED = 130


def run_told(command: Callable[[], object]) -> None:
    """Run a command; tell what a user can mend, and raise what is a defect of ours."""
    try:
        command()
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except ServiceEndedError as error:
        _end(error.lines, error.exit_code)
    except Exception as error:
        from nextbest_service.cli.failures import describe  # noqa: PLC0415 - knows all parts, thus slow to import

        failure = describe(error)
        if failure is None:
            raise
        _end(failure.lines, failure.exit_code)


def _end(lines: Iterable[str], exit_code: int) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    sys.exit(exit_code)
