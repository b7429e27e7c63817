"""A Redis Cluster of three primaries on this machine, from the binary that the embedded store runs."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import redis
from free_ports import free_ports
from store_process import StoreProcess

NODES = 3
SLOTS = 16_384
PATIENCE_SECONDS = 60.0
CONFIG = {
    "cluster-enabled": "yes",
    "cluster-config-file": "nodes.conf",
    "cluster-node-timeout": "2000",
    "hash-max-listpack-value": "4096",
    "stream-node-max-entries": "1",
    "loglevel": "warning",
}


@contextlib.contextmanager
def valkey_cluster(directory: Path) -> Iterator[str]:
    """Start a cluster without replicas, wait until every slot is served, and yield its URL."""
    with _nodes(directory, NODES) as nodes:
        _meet(nodes)
        yield url_of(nodes)


@contextlib.contextmanager
def replicated_cluster(directory: Path) -> Iterator[Sequence[StoreProcess]]:
    """Start a cluster in which each primary has a replica; yield the primaries, and then their replicas."""
    durable = {"appendonly": "yes", "appendfsync": "always", "cluster-allow-replica-migration": "no"}
    with _nodes(directory, 2 * NODES, durable) as nodes:
        _meet(nodes)
        for primary, replica in zip(nodes[:NODES], nodes[NODES:], strict=True):
            with primary.client() as one, replica.client() as other:
                other.execute_command("CLUSTER", "REPLICATE", one.execute_command("CLUSTER", "MYID"))
        wait_until(lambda: all(is_in_step(replica) for replica in nodes[NODES:]))
        yield nodes


def url_of(nodes: Sequence[StoreProcess]) -> str:
    """Return the URL of a cluster."""
    return f"redis-cluster://127.0.0.1:{nodes[0].port}"


def is_in_step(replica: StoreProcess) -> bool:
    """Tell whether a server follows another one, and has all that was there when it began."""
    with contextlib.suppress(redis.RedisError, OSError), replica.client() as client:
        replication = client.info("replication")
        return replication["role"] == "slave" and replication["master_link_status"] == "up"
    return False


def _meet(nodes: Sequence[StoreProcess]) -> None:
    with contextlib.ExitStack() as open_clients:
        clients = [open_clients.enter_context(node.client()) for node in nodes]
        for place, client in enumerate(clients[:NODES]):
            first, last = place * SLOTS // NODES, (place + 1) * SLOTS // NODES - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", place + 1)
        for node in nodes[1:]:
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.port)
        wait_until(lambda: all(_knows_all(client, len(nodes)) for client in clients))


@contextlib.contextmanager
def _nodes(directory: Path, number: int, more: dict[str, str] | None = None) -> Iterator[list[StoreProcess]]:
    nodes = [
        StoreProcess(directory / str(port), port, {**CONFIG, **(more or {})}) for port in free_ports(number)
    ]
    try:
        for node in nodes:
            node.directory.mkdir(parents=True)
            node.start()
        yield nodes
    finally:
        for node in nodes:
            node.kill()


def _knows_all(node: redis.Redis, number: int) -> bool:
    info = node.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_known_nodes:%d" % number in info


def wait_until(holds: Callable[[], bool]) -> None:
    """Return as soon as something holds of servers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the servers did not come up"
        time.sleep(0.02)
