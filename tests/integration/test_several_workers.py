"""Several processes at one address: whatever happens to one of them, callers who retry see no error."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from corner_shop import open_for_business, question
from documented_retries import OPTIONS
from running_service import CORNER_SHOP, Client, Service, spawn, wait_until
from worker_processes import children, workers_of

from nextbest.v1 import decision_pb2_grpc
from nextbest_service.home import Home, process_is_alive
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey

CHANNELS = 6


@contextmanager
def workers(home: Path, *options: str) -> Iterator[Service]:
    """Start a service of two workers, wait until both are ready, and see that it ends."""
    usual = ["--catalog", str(CORNER_SHOP), "--log-format", "json", "--workers", "2"]
    usual += ["--store-timeout-ms", "2000", "--drain-seconds", "5"]
    if "--port" not in options:
        usual += ["--port", "0"]
    with spawn(home, ["serve", "--home", str(home), *usual, *options]) as running:
        try:
            running.address = running.wait_for("all_workers_ready")["address"]
            yield running
        finally:
            if running.process.poll() is None:
                running.stop()


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two workers for most tests, with an embedded store. They must end cleanly, and the store last."""
    home = tmp_path_factory.mktemp("crew")
    with workers(home, "--watchdog-seconds", "2", "--connection-age-seconds", "1") as running:
        with connect_for_bulk(f"unix://{home}/valkey/valkey.sock") as store:
            open_for_business(store)
        yield running
        store_pid = children(running.process.pid, "valkey")[0]
        assert running.stop() == 0, running.log()
    assert not process_is_alive(store_pid)
    assert "Traceback" not in running.log()


@dataclass
class Callers:
    """Several channels that ask all the time, with the documented retries."""

    address: str
    answered: int = 0
    errors: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator["Callers"]:
        """Ask until the end of the context."""
        threads = [threading.Thread(target=self._ask) for _ in range(CHANNELS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        with grpc.insecure_channel(self.address, options=OPTIONS) as channel:
            stub = decision_pb2_grpc.DecisionServiceStub(channel)
            while not self._stop.is_set():
                try:
                    assert stub.Decide(question(dry_run=True), timeout=20).customer_known
                    self.answered += 1
                except grpc.RpcError as error:
                    self.errors.append(f"{error.code()}: {error.details()}")


def test_two_workers_answer_at_one_address(crew: Service) -> None:
    assert len(workers_of(crew)) == 2
    announced = Home(crew.log_file.parent).running_service()
    assert announced is not None
    assert (announced.address, announced.pid) == (crew.address, crew.process.pid)
    assert {line["worker"] for line in crew.events("ready")} >= {1, 2}
    with ExitStack() as stack:
        for _ in range(20):
            channel = stack.enter_context(grpc.insecure_channel(crew.address, options=OPTIONS))
            grpc.channel_ready_future(channel).result(10)
        assert all(connections(pid) for pid in workers_of(crew))


def connections(pid: int) -> int:
    """Return how many TCP connections a process has accepted."""
    inodes = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(path.readlink()).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    tables = [Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return sum(row[3] == "01" and row[9] in inodes for row in rows)


def test_a_killed_worker_is_replaced_and_callers_see_no_error(crew: Service) -> None:
    victim = workers_of(crew)[0]
    with Callers(crew.address).asking() as callers:
        wait_until(lambda: callers.answered > 20)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in workers_of(crew) and bool(crew.events("worker_replaced")))
        before = callers.answered
        wait_until(lambda: callers.answered > before + 20)
    assert callers.errors == []
    assert len(workers_of(crew)) == 2
    assert crew.events("worker_died")[-1]["exit_code"] == -signal.SIGKILL


def test_a_hung_worker_is_killed_and_replaced(crew: Service) -> None:
    replaced, victim = len(crew.events("worker_replaced")), workers_of(crew)[0]
    with Callers(crew.address).asking() as callers:
        wait_until(lambda: callers.answered > 20)
        os.kill(victim, signal.SIGSTOP)
        stopped = time.monotonic()
        wait_until(lambda: victim not in workers_of(crew))
        assert time.monotonic() - stopped < 10
        wait_until(lambda: len(crew.events("worker_replaced")) > replaced)
    assert callers.errors == []
    assert "no sign of life" in crew.events("worker_killed")[-1]["why"]


def test_a_rolling_restart_replaces_every_worker_and_callers_see_no_error(crew: Service) -> None:
    old = workers_of(crew)
    with Callers(crew.address).asking() as callers:
        wait_until(lambda: callers.answered > 20)
        crew.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(crew.events("rolling_restart_done")))
        before = callers.answered
        wait_until(lambda: callers.answered > before + 20)
    assert callers.errors == []
    assert len(workers_of(crew)) == 2
    assert not set(old) & set(workers_of(crew))
    lines = [json.loads(line) for line in crew.log().splitlines()]
    begun = next(at for at, line in enumerate(lines) if line["event"] == "rolling_restart")
    order = [
        (line["event"], line["worker"])
        for line in lines[begun:]
        if line["event"] in ("listening", "draining") and "worker" in line
    ]
    assert order == [("listening", 1), ("draining", 1), ("listening", 2), ("draining", 2)]


def test_a_second_service_does_not_get_the_port(crew: Service, tmp_path: Path) -> None:
    port = crew.address.rpartition(":")[2]
    for count in ("1", "2"):
        arguments = ["serve", "--home", str(tmp_path), "--catalog", str(CORNER_SHOP), "--port", port]
        arguments += ["--redis-url", "redis://127.0.0.1:1", "--workers", count]
        with spawn(tmp_path, arguments) as second:
            assert second.process.wait(60) == 3
            assert f"cannot listen on 127.0.0.1:{port}: the port is taken" in second.log()
    assert len(workers_of(crew)) == 2


def test_calls_in_flight_are_answered_before_the_workers_end(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path / "store") as url, connect_for_bulk(url) as store:
        open_for_business(store)
        store_pid = store.info("server")["process_id"]
        with workers(tmp_path, "--redis-url", url, "--store-timeout-ms", "8000") as running:
            clients = [Client(running.address) for _ in range(8)]
            for client in clients:
                client.decide(question())
            os.kill(store_pid, signal.SIGSTOP)
            in_flight = [client.begin(question()) for client in clients]
            time.sleep(0.3)
            try:
                running.process.send_signal(signal.SIGTERM)
                wait_until(lambda: len(running.events("draining")) == 2)
                assert Home(tmp_path).running_service() is None
            finally:
                os.kill(store_pid, signal.SIGCONT)
            assert all(call.result().customer_known for call in in_flight)
            assert running.process.wait(20) == 0
        assert store.ping()
        for client in clients:
            client.close()


def test_workers_without_a_supervisor_end_by_themselves(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path / "store") as url, workers(tmp_path, "--redis-url", url) as running:
        orphans = workers_of(running)
        running.process.kill()
        running.process.wait()
        wait_until(lambda: not any(map(process_is_alive, orphans)), seconds=30)
    host, _, port = running.address.rpartition(":")
    with socket.socket() as newcomer:
        assert newcomer.connect_ex((host, int(port))) != 0


def test_what_cannot_be_served_is_told_once_and_ends_the_whole(tmp_path: Path) -> None:
    arguments = ["serve", "--home", str(tmp_path), "--catalog", str(CORNER_SHOP), "--port", "0"]
    arguments += ["--workers", "2", "--redis-url", "redis://127.0.0.1:1", "--model", str(tmp_path / "none")]
    with spawn(tmp_path, arguments) as running:
        assert running.process.wait(60) == 2
        assert running.log().count("there is no model in") == 1
        assert "Traceback" not in running.log()
