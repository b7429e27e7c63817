"""What happens to a primary that another server can take over for: with Sentinels, and in a cluster."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import redis
from store_process import StoreProcess
from valkey_cluster import NODES, is_in_step
from verdicts import ALL_RUNGS, RETRIABLE, Expectation
from worlds_under_fire import Fault, World


def _taken_over(
    world: World,
    old: StoreProcess,
    replicas: Sequence[StoreProcess],
    agreed: Callable[[], bool],
    *,
    hang: bool,
) -> Iterator[None]:
    """Take a primary away until another one has its place; then bring it back as a replica."""
    world.wait_until(lambda: all(map(is_in_step, replicas)))
    (old.hang if hang else old.kill)()
    try:
        world.wait_until(lambda: any(map(is_primary, replicas)) and agreed())
        yield
    finally:
        (old.resume if hang else old.start)()
    world.wait_until(lambda: is_in_step(old))


def is_primary(server: StoreProcess) -> bool:
    """Tell whether a server takes writes."""
    with contextlib.suppress(redis.RedisError, OSError), server.client() as client:
        return bool(client.info("replication")["role"] == "master")
    return False


def sentinel_failover(*, hang: bool) -> Callable[[World], AbstractContextManager[None]]:
    """Return what lets Sentinels put a replica in the primary's place."""

    @contextmanager
    def failover(world: World) -> Iterator[None]:
        old = world.store.primary()
        replicas = [it for it in world.store.servers if it.port != old.port]
        yield from _taken_over(world, old, replicas, lambda: bool(world.store.have_left(old)), hang=hang)

    return failover


def cluster_failover(place: int, *, hang: bool) -> Callable[[World], AbstractContextManager[None]]:
    """Return what lets a cluster put a replica in a primary's place."""

    @contextmanager
    def failover(world: World) -> Iterator[None]:
        pair = (world.store[place], world.store[NODES + place])
        old, new = pair if is_primary(pair[0]) else pair[::-1]
        yield from _taken_over(world, old, [new], lambda: True, hang=hang)

    return failover


_WORDS = "all answered OK, on a lower rung until a replica has taken over; full answers by itself"
_EXPECTED = Expectation(_WORDS, rungs=ALL_RUNGS, short=True, refusals=RETRIABLE, recovers_in=10.0)
SENTINEL_FAULTS: Sequence[Fault] = [
    Fault("sentinel_primary_killed", "the primary gets SIGKILL", sentinel_failover(hang=False), _EXPECTED),
    Fault("sentinel_primary_hangs", "the primary gets SIGSTOP", sentinel_failover(hang=True), _EXPECTED),
]
CLUSTER_FAULTS: Sequence[Fault] = [
    Fault("cluster_primary_killed", "one of three gets SIGKILL", cluster_failover(0, hang=False), _EXPECTED),
    Fault("cluster_primary_hangs", "one of three gets SIGSTOP", cluster_failover(1, hang=True), _EXPECTED),
]
