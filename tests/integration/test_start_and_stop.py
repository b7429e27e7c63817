"""The life of the process: it starts on sound input only, waits for its store, and drains before it ends."""

import os
import shutil
import signal
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from corner_shop import DIRECTORY, NOW_MS, open_for_business, question
from running_service import Client, Service, service, spawn, wait_until
from store_process import store_process

from nextbest_service.home import Home
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
BROKEN = DIRECTORY.parent / "broken" / "errors_of_every_file"
HOUR = 3_600_000
USUAL_SECONDS, WORST_SECONDS = 0.2, 1.0  # the worst allows for a busy machine


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client that hangs up."""
    client = Client(address)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def held_port() -> Iterator[tuple[socket.socket, int]]:
    """A port that this test holds as another service would: the kernel would let us share it."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder, holder.getsockname()[1]


def ended(home: Path, *arguments: str) -> tuple[int, str]:
    """Run a service that must not start; return its exit code and what it said."""
    with spawn(home, ["serve", "--home", str(home), "--log-format", "json", *arguments]) as running:
        code = running.process.wait(20)
        assert "Traceback" not in running.log()
        return code, running.log()


def test_a_broken_catalog_is_told_whole_and_nothing_is_served(tmp_path: Path) -> None:
    directory = Path(shutil.copytree(DIRECTORY, tmp_path / "shop"))
    shutil.copytree(BROKEN, directory, dirs_exist_ok=True)
    expected = (directory / "expected.txt").read_text().splitlines()
    (directory / "expected.txt").unlink()
    code, said = ended(tmp_path / "home", "--catalog", str(directory), "--port", "0")
    assert code == 2
    assert said.splitlines() == [*expected, f"{len(expected)} errors in the catalog; nothing was loaded"]
    assert len(expected) == 10


def test_a_corrupt_model_is_refused_before_anything_is_served(tmp_path: Path, shop_model: Path) -> None:
    damaged = Path(shutil.copytree(shop_model, tmp_path / "model"))
    text = (damaged / "model.txt").read_bytes()
    (damaged / "model.txt").write_bytes(text[: len(text) // 2])
    code, said = ended(tmp_path / "home", "--catalog", str(DIRECTORY), "--model", str(damaged), "--port", "0")
    assert code == 2
    assert "damaged or edited: its SHA-256 is not the manifest's" in said
    assert "listening" not in said


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with held_port() as (holder, port):
        holder.listen()
        code, said = ended(
            tmp_path, "--catalog", str(DIRECTORY), "--redis-url", "redis://127.0.0.1:1", "--port", str(port)
        )
    assert code == 3
    told = said.splitlines()[-1]  # gRPC has written lines of its own above
    assert told.startswith(f"cannot listen on 127.0.0.1:{port}: the port is taken")
    assert "--port" in told


def test_a_store_that_takes_no_writes_ends_the_start_with_its_own_words(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path / "store") as url, connect_for_bulk(url) as store:
        store.config_set("maxmemory", "1")
        code, said = ended(tmp_path, "--catalog", str(DIRECTORY), "--redis-url", url, "--port", "0")
    assert code == 3
    assert "cannot be used: " in said
    assert "maxmemory" in said


def test_the_service_asks_for_its_store_with_growing_pauses_and_answers_meanwhile(tmp_path: Path) -> None:
    store = tmp_path / "store"
    url = f"unix://{store}/valkey.sock"
    with (
        service(tmp_path, "--redis-url", url, wait_for="serving_without_store") as running,
        connected(running.address) as client,
    ):
        running.wait_for("ready")
        assert client.health() == client.health("nextbest.v1.DecisionService") == "SERVING"
        assert {it.reason for it in client.decide(question()).degraded} >= {"STORE_UNAVAILABLE"}
        assert Home(tmp_path).running_service() is not None
        with embedded_valkey(store) as started:
            assert started == url
            running.wait_for("store_attached")
            assert {it.reason for it in client.decide(question()).degraded} <= {
                "MODEL_UNAVAILABLE",
                "AUDIT_GAP",
            }
            assert running.stop() == 0
    waits = running.events("store_not_reachable")
    assert [wait["retry_in_seconds"] for wait in waits[:3]] == [0.25, 0.5, 1.0]
    assert {wait["store"] for wait in waits} == {url}


def test_a_service_still_waiting_for_its_store_stops_at_once_and_logs_no_password(tmp_path: Path) -> None:
    url = "redis://shopkeeper:hunter2@127.0.0.1:1/0"
    with service(tmp_path, "--redis-url", url, wait_for="store_not_reachable") as running:
        started = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - started < 3
        assert "Traceback" not in running.log()
        assert running.events("store_not_reachable")[0]["store"] == "redis://127.0.0.1:1/0"
        assert "hunter2" not in running.log()


def test_a_store_that_dies_is_told_quickly_and_found_again(tmp_path: Path) -> None:
    with store_process(tmp_path / "store") as store:
        with connect_for_bulk(store.url) as bulk:
            open_for_business(bulk)
            bulk.execute_command("WAITAOF", 1, 0, 5000)
        with service(tmp_path, "--redis-url", store.url) as running, connected(running.address) as client:
            assert client.decide(question()).customer_known
            store.kill()
            does_without_quickly(client)
            assert client.health() == "SERVING"
            store.start()
            wait_until(lambda: client.decide(question()).customer_known)
            assert running.stop() == 0
            assert "Traceback" not in running.log()


def answers(directory: Path) -> bool:
    """Tell whether anything accepts connections on the store's socket."""
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(f"{directory}/valkey.sock") == 0


def does_without_quickly(client: Client) -> None:
    """See requests answered without the store, as a rule within the time that a caller would wait."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        answer = client.decide(question())
        seconds.append(time.perf_counter() - started)
        assert {it.reason for it in answer.degraded} & {"STORE_UNAVAILABLE", "STORE_TIMEOUT"}
    assert statistics.median(seconds) < USUAL_SECONDS
    assert max(seconds) < WORST_SECONDS


def test_a_store_that_hangs_is_given_up_quickly_and_found_again(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path / "store") as url, connect_for_bulk(url) as store:
        open_for_business(store)
        process = store.info("server")["process_id"]
        with service(tmp_path, "--redis-url", url) as running, connected(running.address) as client:
            assert client.decide(question()).customer_known
            os.kill(process, signal.SIGSTOP)
            try:
                does_without_quickly(client)
            finally:
                os.kill(process, signal.SIGCONT)
            wait_until(lambda: client.decide(question()).customer_known)
            assert running.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_calls_in_flight_are_answered_before_the_process_ends(tmp_path: Path, number: int) -> None:
    with embedded_valkey(tmp_path / "store") as url, connect_for_bulk(url) as store:
        open_for_business(store)
        process = store.info("server")["process_id"]
        options = ("--redis-url", url, "--store-timeout-ms", "8000")
        with service(tmp_path, *options) as running, connected(running.address) as client:
            client.decide(question())
            os.kill(process, signal.SIGSTOP)
            in_flight = [client.begin(question()) for _ in range(20)]
            time.sleep(0.3)
            try:
                running.process.send_signal(number)
                running.wait_for("draining")
                wait_until(lambda: refused_to_newcomers(running))
                assert not any(call.done() for call in in_flight)
            finally:
                os.kill(process, signal.SIGCONT)
            assert all(call.result().customer_known for call in in_flight)
            assert running.process.wait(10) == 0
            assert running.events("stopped")
            assert "Traceback" not in running.log()


def refused_to_newcomers(running: Service) -> bool:
    """Tell whether a new connection no longer gets an answer."""
    with connected(running.address) as newcomer:
        outcome = newcomer.outcome(question(), timeout=0.5)
    return getattr(outcome, "status", None) is UNAVAILABLE


def test_the_embedded_store_lives_and_ends_with_the_service(tmp_path: Path) -> None:
    with service(tmp_path) as running, connected(running.address) as client:
        assert not client.decide(question()).customer_known
        announced = Home(tmp_path).running_service()
        assert announced is not None
        assert (announced.address, announced.pid) == (running.address, running.process.pid)
        assert answers(tmp_path / "valkey")
        assert running.stop() == 0
    assert not answers(tmp_path / "valkey")
    assert not (tmp_path / "service.json").exists()


def test_the_service_can_live_at_another_time(tmp_path: Path, shop_store_url: str) -> None:
    """The cakes are on offer from 14:00 to 18:00 in their own zone."""
    options = ("--redis-url", shop_store_url, "--clock", "2024-03-15T14:30:00+01:00")
    with service(tmp_path, *options) as running, connected(running.address) as client:
        answer = client.decide(question(candidate_action_ids=["flash-cakes"]))
        assert running.stop() == 0
    assert 0 <= answer.decided_at_unix_ms - (NOW_MS + 3 * HOUR + HOUR // 2) < 60_000
    assert answer.placements[0].propositions
    assert running.events("ready")[0]["clock"].startswith("2024-03-15T13:30:0")
