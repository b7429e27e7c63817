"""A service and its store as processes that are killed and started again, and what is asked of them."""

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from patience import PATIENCE_SECONDS, PAUSE_SECONDS, WITHOUT_STORE
from running_service import Service, read_refusal, service
from service_calls import Calls
from store_process import StoreProcess, store_process

from nextbest.v1 import admin_pb2, admin_pb2_grpc, decision_pb2

RELOAD_SECONDS = 300
OPTIONS = ("--store-timeout-ms", "2000", "--admin-port", "0", "--no-watch")
PATIENT = ("--reload-timeout-seconds", str(RELOAD_SECONDS))
OFFERS = "actions/all.yaml"
CHEAP, DEAR = "title: The third, starting_propensity: 0.7", "title: The third, starting_propensity: 0.99"
BROKEN = "title: The third, starting_propensity: 7"


@dataclass
class Served:
    """What is under test. `calls` lead to the service that runs now."""

    root: Path
    store: StoreProcess
    running: Service = field(init=False)
    calls: Calls = field(init=False)
    starts: int = 0
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def catalog(self) -> Path:
        """The directory of the catalog that is served."""
        return self.root / "catalog"

    def start(self) -> None:
        """Start a service."""
        self.starts += 1
        home = self.root / f"home-{self.starts}"
        options = ("--redis-url", self.store.url, *OPTIONS, *PATIENT)
        self.running = self._open.enter_context(service(home, *options, catalog=self.catalog))
        self.calls = Calls(self.running.address)

    def stop(self) -> None:
        """End the service, if it still runs, and look whether anything failed in it."""
        self.calls.close()
        self._open.close()
        assert self.running.events("handler_failed") == [], self.running.log()

    def kill_service(self) -> None:
        """End the service without warning and start another one."""
        self.running.stop(signal.SIGKILL)
        self.stop()
        self.start()

    def kill_store(self) -> None:
        """End the store as a power cut would, and start it on what it has on disk."""
        self.store.kill()
        self.store.start()

    @contextmanager
    def store_stopped(self) -> Iterator[None]:
        """Keep the store from answering for as long as the context lasts."""
        self.store.kill()
        try:
            yield
        finally:
            self.store.start()

    def await_store(self, asked: decision_pb2.DecideRequest) -> None:
        """Ask until the service answers with the store again."""
        until = time.monotonic() + PATIENCE_SECONDS
        while WITHOUT_STORE & {it.reason for it in self.calls.decide(asked).degraded}:
            assert time.monotonic() < until, self.running.log()
            time.sleep(PAUSE_SECONDS)

    def reload(self, old: str, new: str) -> bool:
        """Replace a text in the catalog, have it loaded and return whether it was swapped in."""
        file = self.catalog / OFFERS
        before = file.read_text()
        assert old in before
        file.write_text(before.replace(old, new))
        swapped = False
        try:
            swapped = self._loaded()
        finally:
            if not swapped:
                file.write_text(before)
        return swapped

    def _loaded(self) -> bool:
        with grpc.insecure_channel(self.running.wait_for("admin_served")["address"]) as channel:
            admin = admin_pb2_grpc.AdminServiceStub(channel)
            answer = admin.Reload(admin_pb2.ReloadRequest(), timeout=RELOAD_SECONDS)
        assert answer.swapped or answer.diagnostics, answer
        return bool(answer.swapped)

    def offers_text(self) -> str:
        """Return the catalog's offers as they are written now."""
        return (self.catalog / OFFERS).read_text()

    def refusal(self, call: Any, *arguments: Any) -> str:
        """Return the reason why a call is refused."""
        try:
            call(*arguments)
        except grpc.RpcError as error:
            return read_refusal(error).reason
        raise AssertionError("answered")


@contextmanager
def served(root: Path, catalog: Path) -> Iterator[Served]:
    """Serve a copy of a catalog from a store on disk."""
    shutil.copytree(catalog, root / "catalog")
    with store_process(root / "store") as store:
        found = Served(root, store)
        found.start()
        try:
            yield found
        finally:
            found.stop()


def question(who: Any, limit: int = 1, **fields: Any) -> decision_pb2.DecideRequest:
    """Return a question about somebody on the home page."""
    placements = [decision_pb2.PlacementRequest(id="home", limit=limit)]
    return decision_pb2.DecideRequest(identities=[who], placements=placements, include_content=True, **fields)


def offers(answer: decision_pb2.DecideResponse) -> list[str]:
    """Return what was proposed, best first."""
    return [proposition.action_id for proposition in answer.placements[0].propositions]
