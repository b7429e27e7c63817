"""The service and its store are killed while events and outcomes come in: what was acknowledged stays."""

import asyncio
import itertools
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet
from patience import patient
from running_service import Service, service
from service_calls import Calls, event, identity, item, outcome
from store_process import store_process

from nextbest.v1 import decision_pb2, outcome_pb2

CLIENTS, CUSTOMERS_EACH = 6, 5
KINDS = ("DISPLAYED", "CLICKED", "ACCEPTED")
LOAD_BETWEEN_KILLS = 25
PATIENCE_SECONDS = 60.0


@dataclass
class Ledger:
    """What one client got acknowledged, by customer."""

    contacts: dict[str, Counter[tuple[str, str, outcome_pb2.OutcomeType]]] = field(default_factory=dict)
    orders: Counter[str] = field(default_factory=Counter)
    rounds: int = 0


@dataclass
class Load:
    """Clients that go on until they are told to stop."""

    address: str
    stopping: threading.Event = field(default_factory=threading.Event)
    ledgers: list[Ledger] = field(default_factory=lambda: [Ledger() for _ in range(CLIENTS)])
    repeats: int = 0

    @property
    def rounds(self) -> int:
        """How many rounds all clients together have behind them."""
        return sum(ledger.rounds for ledger in self.ledgers)

    def run(self) -> None:
        """Keep all clients busy."""
        asyncio.run(self._all())

    async def _all(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))

    async def _client(self, number: int) -> None:
        client, ledger = patient(self.address), self.ledgers[number]
        for turn in itertools.count():
            if self.stopping.is_set():
                break
            customer = f"{number}-{turn % CUSTOMERS_EACH}"
            who = identity("customer", customer)
            answer = await client.decide(
                decision_pb2.DecideRequest(
                    request_id=f"{number}-{turn}",
                    identities=[who],
                    placements=[decision_pb2.PlacementRequest(id="home", limit=2)],
                )
            )
            shown = answer.placements[0].propositions
            await client.report(
                *(outcome(proposition.token, kind) for proposition in shown for kind in KINDS)
            )
            await client.track(
                *(event(who, "order.placed", _now_ms(), items=[item("p", amount=1.5)]) for _ in "ab")
            )
            seen = ledger.contacts.setdefault(customer, Counter())
            for proposition, kind in itertools.product(shown, KINDS):
                kind_number = outcome_pb2.OutcomeType.Value(f"OUTCOME_TYPE_{kind}")
                seen[answer.decision_id, proposition.action_id, kind_number] += 1
            ledger.orders[customer] += 2
            ledger.rounds += 1
        self.repeats += client.repeats
        await client.channel.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_what_was_acknowledged_is_there_exactly_once(three_each: Path, tmp_path: Path) -> None:
    port = _free_port()
    options = ("--port", str(port), "--store-timeout-ms", "500", "--clock", "now")
    load = Load(f"127.0.0.1:{port}")
    clients = threading.Thread(target=load.run)
    with store_process(tmp_path / "store") as store:

        def serving(number: int) -> "object":
            home = tmp_path / str(number)
            return service(home, "--redis-url", store.url, *options, catalog=three_each)

        with serving(1) as first:
            clients.start()
            load_goes_on(load)
            killed(first)
        with serving(2) as second:
            load_goes_on(load)
            store.kill()
            time.sleep(0.5)
            store.start()
            load_goes_on(load)
            killed(second)
            store.kill()
        store.start()
        with serving(3) as third:
            load_goes_on(load)
            load.stopping.set()
            clients.join(PATIENCE_SECONDS)
            assert not clients.is_alive()
            assert load.repeats > 0
            check_every_customer(load, third.address)
        check_exported_log(load, store.url, tmp_path / "log")


def killed(running: Service) -> None:
    """Kill a service without warning."""
    running.process.kill()
    running.process.wait()


def load_goes_on(load: Load) -> None:
    """Return once enough rounds more were acknowledged."""
    goal = load.rounds + LOAD_BETWEEN_KILLS
    _wait_until(lambda: load.rounds >= goal)


def check_every_customer(load: Load, address: str) -> None:
    calls = Calls(address)
    for ledger in load.ledgers:
        assert ledger.contacts
        for customer, expected in ledger.contacts.items():
            view = calls.get(identity("customer", customer)).customer
            held = Counter(
                (contact.decision_id, contact.action_id, contact.outcome)
                for contact in view.contacts
                if not contact.reserved
            )
            assert held == expected
            features = {state.name: state.value for state in view.features}
            clicked = sum(kind == outcome_pb2.OUTCOME_TYPE_CLICKED for *_, kind in expected.elements())
            orders = ledger.orders[customer]
            assert features == {"orders": orders, "spent": 1.5 * orders, "clicks": clicked}
    calls.close()


def check_exported_log(load: Load, url: str, directory: Path) -> None:
    """Every acknowledged outcome is in the exported log, once."""
    command = [sys.executable, "-m", "nextbest_service", "log", "export", "--redis-url", url, "--to"]
    subprocess.run([*command, str(directory)], check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    rows = pyarrow.parquet.read_table(directory / "outcomes").to_pylist()
    logged = Counter((row["decision_id"], row["action"], row["type"]) for row in rows)
    expected: Counter[tuple[str, str, str]] = Counter()
    for contacts in (contacts for ledger in load.ledgers for contacts in ledger.contacts.values()):
        for (decision, action, kind), count in contacts.items():
            expected[decision, action, outcome_pb2.OutcomeType.Name(kind).removeprefix("OUTCOME_TYPE_")] += (
                count
            )
    assert logged == expected


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the load stands still"
        time.sleep(0.02)
