"""What happens to processes that serve, and to the clock that they go by."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from courses import Course
from verdicts import RETRIABLE, Expectation, Figure
from worker_processes import workers_of
from worlds_under_fire import FULL, Fault, World

WATCHDOG_SECONDS = 2
BLOCKED_SECONDS = 1.0
ROLLING_RESTARTS = 20 if FULL else 2
SHIFT_SECONDS = 3_600
SHIFT_FILE = "shift"


def _replaced(world: World) -> int:
    return len(world.service.events("worker_replaced"))


def worker_gets(number: signal.Signals) -> Callable[[World], AbstractContextManager[None]]:
    """Return what sends a signal to one of two workers, and waits until another one is started."""

    @contextmanager
    def sent(world: World) -> Iterator[None]:
        replaced = _replaced(world)
        os.kill(workers_of(world.service)[0], number)
        yield
        world.wait_until(lambda: _replaced(world) > replaced)

    return sent


@contextmanager
def loop_blocked(world: World) -> Iterator[None]:
    """A worker does nothing for a while that is too short to be taken for dead."""
    replaced, blocked = _replaced(world), workers_of(world.service)[0]
    os.kill(blocked, signal.SIGSTOP)
    time.sleep(BLOCKED_SECONDS)
    os.kill(blocked, signal.SIGCONT)
    yield
    assert _replaced(world) == replaced, "a worker was replaced that was only busy"


@contextmanager
def rolling_restarts(world: World) -> Iterator[None]:
    """Each worker is replaced and gets SIGTERM, again and again."""
    for _ in range(ROLLING_RESTARTS):
        done = len(world.service.events("rolling_restart_done"))
        world.service.process.send_signal(signal.SIGHUP)
        world.wait_until(lambda: len(world.service.events("rolling_restart_done")) > done)  # noqa: B023
    yield


def _longest(most_ms: float) -> Callable[[Course], Sequence[Figure]]:
    def figures(course: Course) -> Sequence[Figure]:
        waits = [1e3 * (it.ended - it.began) for it in course.decided if it.ended >= course.hit]
        return [Figure("longest wait", "ms", max(waits, default=0.0), most_ms)]

    return figures


_UNNOTICED = "no error behind the documented retries, full answers"
WORKER_FAULTS: Sequence[Fault] = [
    Fault(
        "worker_killed",
        "one of two workers gets SIGKILL",
        worker_gets(signal.SIGKILL),
        Expectation(_UNNOTICED + "; it is replaced", refusals=RETRIABLE, figures=_longest(5_000)),
    ),
    Fault(
        "worker_hangs",
        f"one of two workers gets SIGSTOP; the watchdog waits {WATCHDOG_SECONDS} s",
        worker_gets(signal.SIGSTOP),
        Expectation(_UNNOTICED + "; it is killed and replaced", refusals=RETRIABLE, figures=_longest(5_000)),
    ),
    Fault(
        "event_loop_blocked",
        f"one of two workers stands still for {BLOCKED_SECONDS} s",
        loop_blocked,
        Expectation(
            _UNNOTICED + ", one of them later; nobody is replaced",
            refusals=RETRIABLE,
            figures=_longest(3_000),
        ),
    ),
    Fault(
        "rolling_restarts",
        f"{ROLLING_RESTARTS} rolling restarts, SIGTERM to each of two workers",
        rolling_restarts,
        Expectation(_UNNOTICED, refusals=RETRIABLE, figures=_longest(5_000)),
    ),
]


def shifted(seconds: int) -> Callable[[World], AbstractContextManager[None]]:
    """Return what lets the service believe another time."""

    @contextmanager
    def shift(world: World) -> Iterator[None]:
        file = world.directory / SHIFT_FILE
        file.write_text(str(seconds))
        try:
            yield
        finally:
            file.write_text("0")

    return shift


CLOCK_FAULTS: Sequence[Fault] = [
    Fault(
        f"clock_{name}",
        f"the clock of the service is an hour {name}",
        shifted(seconds),
        Expectation("nobody notices anything: the store's clock is everybody's"),
    )
    for name, seconds in (("ahead", SHIFT_SECONDS), ("behind", -SHIFT_SECONDS))
]
