"""What happens to a store that is one server, and to the line that leads there."""

import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from courses import Course, quantile, quietest
from verdicts import ALL_RUNGS, RETRIABLE, Expectation, Figure
from worlds_under_fire import FULL, Fault, World

TIMEOUT_MS = 50
OPENING_SECONDS = 0.5
"""By then three round trips have gone unanswered, and the breaker is open."""
SLACK_MS = 0.0 if FULL else 40.0
"""A short run on a busy machine has too few answers to find a quiet moment among them."""
AWAY = "all answered OK on a lower rung, reports refused and told again, full answers by itself"


@contextmanager
def hung(world: World) -> Iterator[None]:
    """The store answers nothing and keeps all connections."""
    world.store.hang()
    try:
        yield
    finally:
        world.store.resume()


@contextmanager
def killed(world: World) -> Iterator[None]:
    """The store is gone, until it is started again."""
    world.store.kill()
    try:
        yield
    finally:
        world.store.start()


@contextmanager
def restarted(world: World) -> Iterator[None]:
    """The store is restarted a few times, in order."""
    for _ in range(5 if FULL else 2):
        with world.store.client() as client:
            client.shutdown(nosave=True)
        world.store.start()
        time.sleep(0.5)  # the load goes on for a while between two restarts
    yield


@contextmanager
def scripts_flushed(world: World) -> Iterator[None]:
    """The store forgets its scripts, again and again."""
    until = time.monotonic() + world.lasting
    with world.store.client() as client:
        while time.monotonic() < until:
            client.script_flush()
            time.sleep(0.05)
    yield


@contextmanager
def memory_full(world: World) -> Iterator[None]:
    """The store takes nothing more, and reads as ever."""
    with world.store.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1mb")
        try:
            yield
        finally:
            client.config_set("maxmemory", "0")


@contextmanager
def disk_of_the_store_full(world: World) -> Iterator[None]:
    """The file that the store appends to cannot grow. One that syncs always ends itself then."""
    _, hard = resource.prlimit(world.store.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(world.store.pid, resource.RLIMIT_FSIZE, (1024, hard))
    world.wait_until(lambda: world.store.has_ended)
    try:
        yield
    finally:
        world.store.start()


@contextmanager
def disk_of_the_service_full(world: World) -> Iterator[None]:
    """The service can write no file, and has much to log: its store hangs."""
    pid = world.service.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        with hung(world):
            yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def _hung_figures(course: Course) -> Sequence[Figure]:
    opening = [it for it in course.during if it.began < course.hit + OPENING_SECONDS]
    later = [it for it in course.during if it.began >= course.hit + OPENING_SECONDS]
    usual = quantile(course.before, 0.99)
    return [
        Figure("p99 while the breaker opens", "ms", quantile(opening, 0.99), usual + 60.0 + SLACK_MS),
        Figure("p99 once it is open", "ms", quietest(later, 0.99), _quick(course)),
    ]


def _open_figures(course: Course) -> Sequence[Figure]:
    later = [it for it in course.during if it.began >= course.hit + OPENING_SECONDS]
    return [Figure("p99 once the breaker is open", "ms", quietest(later, 0.99), _quick(course))]


def _quick(course: Course) -> float:
    """Return 10 ms; in a short run more, if more is normal on a machine that has no time."""
    return 10.0 if FULL else max(10.0, quietest(course.before, 0.99)) + SLACK_MS


_AWAY = {"rungs": ALL_RUNGS, "short": True, "refusals": RETRIABLE}
STORE_FAULTS: Sequence[Fault] = [
    Fault(
        "store_hangs",
        "Valkey gets SIGSTOP",
        hung,
        Expectation(
            AWAY + "; p99 at most 60 ms above normal, then below 10 ms",
            **_AWAY,
            figures=_hung_figures,
        ),
    ),
    Fault(
        "store_killed",
        "Valkey gets SIGKILL, and is started later",
        killed,
        Expectation(AWAY, **_AWAY, figures=_open_figures),
    ),
    Fault(
        "store_restarted",
        "Valkey is restarted in order, again and again",
        restarted,
        Expectation(AWAY, **_AWAY),
    ),
    Fault(
        "store_memory_full",
        "maxmemory is reached, noeviction",
        memory_full,
        Expectation(
            "all answered OK, by what no cap counts; reports refused and told again, full answers by itself",
            **_AWAY,
        ),
    ),
    Fault(
        "store_disk_full",
        "Valkey cannot append to its file, and ends itself",
        disk_of_the_store_full,
        Expectation(AWAY, **_AWAY),
    ),
    Fault(
        "service_disk_full",
        "nothing can be written by the service while Valkey hangs",
        disk_of_the_service_full,
        Expectation(AWAY, **_AWAY, figures=_open_figures),
    ),
]


@contextmanager
def slow(world: World) -> Iterator[None]:
    """Every reply takes a while, less than the service waits."""
    assert world.proxy is not None
    world.proxy.set(delay_seconds=0.01)
    try:
        yield
    finally:
        world.proxy.set(delay_seconds=0.0)


@contextmanager
def too_slow(world: World) -> Iterator[None]:
    """Every reply comes after the service has given up."""
    assert world.proxy is not None
    world.proxy.set(delay_seconds=3 * TIMEOUT_MS / 1e3)
    try:
        yield
    finally:
        world.proxy.set(delay_seconds=0.0)


@contextmanager
def lost(world: World) -> Iterator[None]:
    """Of ten replies three do not come: the connection breaks instead, or they come too late."""
    assert world.proxy is not None
    world.proxy.set(loss=0.3)
    try:
        yield
    finally:
        world.proxy.set(loss=0.0)


LINE_FAULTS: Sequence[Fault] = [
    Fault("replies_too_slow", "every reply takes 150 ms more", too_slow, Expectation(AWAY, **_AWAY)),
    Fault(
        "replies_lost",
        "3 of 10 replies are lost: the line is cut, or they come late",
        lost,
        Expectation(AWAY, **_AWAY),
    ),
]
PATIENT_FAULTS: Sequence[Fault] = [
    Fault(
        "scripts_flushed", "SCRIPT FLUSH every 50 ms", scripts_flushed, Expectation("nobody notices anything")
    ),
    Fault(
        "replies_slow",
        "every reply takes 10 ms more",
        slow,
        Expectation("all answers full, only later"),
    ),
]
"""Nobody notices these, if only the service waits as long as a busy machine takes."""
