"""`nextbest top`: a running service at a glance."""

import json
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from nextbest_service.cli.options import JsonOption
from nextbest_service.errors import StartupError

if TYPE_CHECKING:
    from nextbest_service.top.figures import Figures
    from nextbest_service.top.scrapes import Scrape

DEFAULT_ADDRESS = "127.0.0.1:9464"
SHORTEST_SECONDS = 0.2
PLAIN_LINES = 100
"""Room on a screen that is printed once."""


def top(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[HOST:PORT]...",
            help=f"Where processes serve their metrics. Default: {DEFAULT_ADDRESS}.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=0, help="So many workers with the one address as --metrics-port: port + 1 and so on."
        ),
    ] = 0,
    interval: Annotated[
        float, typer.Option(min=SHORTEST_SECONDS, help="Seconds from one look to the next.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print one screen and end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Watch a running service: rates, errors, times, what is left out, store, log and workers.

    It reads the metrics that `nextbest serve --metrics-port` serves. q or Ctrl-C ends it, with exit code 0.
    Exit code 3: there are no metrics.
    """
    asked = _spread(addresses or [DEFAULT_ADDRESS], workers)
    with suppress(KeyboardInterrupt):
        if as_json or once or not sys.stdout.isatty():
            looks = _looks(asked, lambda: sleep(interval))
            for found, seconds in islice(looks, 1 if once else None):
                _print(found, seconds, as_json=as_json)
        else:
            _watch(asked, interval)


def _looks(asked: list[str], ended: Callable[[], object]) -> "Iterator[tuple[Figures, float]]":
    """Yield figures, and how many seconds they were gathered for, until `ended`, which waits, says true.

    Raises:
        StartupError: no process answers the first time.
    """
    from nextbest_service.top.figures import figures  # noqa: PLC0415 - the parser is slow to import
    from nextbest_service.top.scrapes import scrape, window  # noqa: PLC0415

    before = scrape(asked)
    _see_that_some_answer(before)
    while not ended():
        after = scrape(asked)
        yield figures(window(before, after)), after[0].at - before[0].at
        before = after


def _print(found: "Figures", seconds: float, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"seconds": seconds, **asdict(found)}), flush=True)  # noqa: T201 - whole lines, at once
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import

    from nextbest_service.top.screen import screen  # noqa: PLC0415

    Console(highlight=False).print(screen(found, PLAIN_LINES, seconds))


def _watch(asked: list[str], interval: float) -> None:
    """Show the figures on the whole terminal, until q."""
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.live import Live  # noqa: PLC0415

    from nextbest_service.top.screen import screen  # noqa: PLC0415

    console = Console(highlight=False)
    with _keys() as pressed:
        looks = _looks(asked, lambda: pressed(interval) == "q")
        first = next(looks, None)
        if first is None:
            return
        with Live(console=console, screen=True, auto_refresh=False) as live:
            for found, seconds in chain([first], looks):
                live.update(screen(found, console.height, seconds), refresh=True)


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Yield what waits for a key at most so many seconds and returns it; keys are not echoed meanwhile."""
    if not sys.stdin.isatty():
        yield _no_key
        return
    import termios  # noqa: PLC0415 - not everywhere
    import tty  # noqa: PLC0415

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)  # Ctrl-C still interrupts
    try:
        yield partial(_key, terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _no_key(seconds: float) -> str:
    sleep(seconds)
    return ""


def _key(terminal: int, seconds: float) -> str:
    ready, _, _ = select.select([terminal], [], [], seconds)
    return os.read(terminal, 1).decode(errors="replace").lower() if ready else ""


def _spread(addresses: list[str], workers: int) -> list[str]:
    if not workers:
        return addresses
    host, _, port = addresses[0].rpartition(":")
    if len(addresses) > 1 or not port.isdecimal():
        raise typer.BadParameter("takes one address, host:port", param_hint="--workers")
    return [f"{host}:{int(port) + number}" for number in range(1, workers + 1)]


def _see_that_some_answer(scrapes: "list[Scrape]") -> None:
    if all(it.values is None for it in scrapes):
        problems = "; ".join(f"{it.address}: {it.problem}" for it in scrapes)
        raise StartupError(
            f"no metrics at {problems}. Does the service run with --metrics-port? With several workers, "
            "worker k has that port + k: name them all, or use --workers"
        )
