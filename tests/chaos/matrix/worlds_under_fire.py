"""Where faults happen: a service with its store, as real processes; and the way to try one fault there."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import grpc
import invariants
import pyarrow.parquet
from acks import Contact, Customer, Held, Kind
from courses import Course
from load_under_fire import Load
from lossy_proxy import LossyProxy
from running_service import Service
from service_calls import Calls, event, identity, values
from verdicts import Expectation, Verdict, judged

from nextbest.v1 import profile_pb2

FULL = os.environ.get("CHAOS") == "full"
CUSTOMERS = 800 if FULL else 300
BATCH = 250
TURNED = 32 if FULL else 8
BEFORE_SECONDS, LASTING_SECONDS, AFTER_SECONDS = (3.0, 6.0, 2.0) if FULL else (1.0, 1.5, 0.5)
PATIENCE_SECONDS = 120.0
Answer = TypeVar("Answer")


@dataclass
class World:
    """A running service. `store` is whatever its store is; `store_url` leads there past all faults."""

    directory: Path
    service: Service
    store: Any
    store_url: str
    proxy: LossyProxy | None = None
    tried: int = 0
    lasting: float = LASTING_SECONDS
    notes: dict[str, Any] = field(default_factory=dict)

    def wait_until(self, holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        """Return as soon as something holds."""
        until = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < until, "it took too long"
            time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks: `inflicted` breaks it for as long as its context lasts, and mends it."""

    name: str
    what: str
    inflicted: Callable[[World], AbstractContextManager[None]]
    expected: Expectation


def tried(fault: Fault, world: World) -> Verdict:
    """Let callers do their work, break something, mend it, and hold what they were told against the store."""
    customers = _people(f"{fault.name}-{world.tried}")
    world.tried += 1
    calls = Calls(world.service.address)
    _introduce(calls, customers)
    load = Load(world.service.address, customers)
    with load.going_on():
        _goes_on(load, world, BEFORE_SECONDS)
        turned = _turned(load, calls, world)
        hit = time.monotonic()
        with fault.inflicted(world):
            _goes_on(load, world, max(0.0, hit + world.lasting - time.monotonic()))
        healed = time.monotonic()
        limit = healed + 3 * fault.expected.recovers_in + 10.0
        while _course(load, hit, healed).recovered() is None and time.monotonic() < limit:
            _goes_on(load, world, 0.1)
        _goes_on(load, world, AFTER_SECONDS)
    violations = [*_violations(load, turned, calls, world)]
    calls.close()
    return judged(fault.name, fault.what, fault.expected, _course(load, hit, healed), violations)


def _course(load: Load, hit: float, healed: float) -> Course:
    return Course([*load.decided], [*load.failed], hit, healed)


def _goes_on(load: Load, world: World, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        load.check()
        assert world.service.process.poll() is None, world.service.log()
        time.sleep(0.02)


def _people(prefix: str) -> list[Customer]:
    kinds = [*Kind]
    return [Customer(f"{prefix}-{number}", kinds[number % len(kinds)]) for number in range(CUSTOMERS)]


def _introduce(calls: Calls, customers: Sequence[Customer]) -> None:
    """Tell the service what is to be known of the customers."""
    said = {
        Kind.PLAIN: profile_pb2.CONSENT_STATE_GRANTED,
        Kind.TROUBLED: profile_pb2.CONSENT_STATE_GRANTED,
        Kind.UNWILLING: profile_pb2.CONSENT_STATE_DENIED,
    }
    for start in range(0, len(customers), BATCH):
        some = customers[start : start + BATCH]
        profiles = [
            profile_pb2.Profile(
                identities=[identity("customer", it.name)],
                attributes=values({"tag": it.name}),
                consents=[_consent(said[it.kind])] if it.kind in said else [],
            )
            for it in some
        ]
        _taken(lambda: calls.upsert(*profiles))  # noqa: B023 - called at once
        _open_tickets(calls, [it for it in some if it.kind is Kind.TROUBLED])


def _turned(load: Load, calls: Calls, world: World) -> dict[Customer, float]:
    """Let some who were shown everything say no and open a ticket; return since when that is acknowledged.

    What was answered last may be remembered of them: it must not be given again. They are asked about so
    often that fewer of them would get more contacts than are kept of anybody.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while len(_shown_much(load)) < TURNED:
        assert time.monotonic() < until, "hardly anybody was shown anything"
        _goes_on(load, world, 0.1)
    load.turned = sorted(_shown_much(load))[:TURNED]
    _say_no(calls, load.turned)
    _open_tickets(calls, load.turned)
    since = time.monotonic()
    return dict.fromkeys(load.turned, since)


def _shown_much(load: Load) -> set[Customer]:
    """Return who could be shown everything, and was."""
    return {it.customer for it in load.decided if len(it.shown) > 1 and it.customer.kind is Kind.PLAIN}


def _say_no(calls: Calls, customers: Sequence[Customer]) -> None:
    said = _consent(profile_pb2.CONSENT_STATE_DENIED)
    told = [
        profile_pb2.Profile(identities=[identity("customer", it.name)], consents=[said]) for it in customers
    ]
    _taken(lambda: calls.upsert(*told))


def _open_tickets(calls: Calls, customers: Sequence[Customer]) -> None:
    now_ms = time.time_ns() // 1_000_000
    opened = [event(identity("customer", it.name), "ticket.opened", now_ms, subject="t") for it in customers]
    _taken(lambda: calls.track(*opened))


def _taken(call: Callable[[], Answer]) -> Answer:
    """Tell or ask something until it is taken: a busy machine may be too late for the store now and then."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except (AssertionError, grpc.RpcError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _consent(state: profile_pb2.ConsentState) -> profile_pb2.Consent:
    now_ms = time.time_ns() // 1_000_000
    return profile_pb2.Consent(channel="web", purpose="marketing", state=state, time_unix_ms=now_ms)


def _violations(load: Load, turned: Mapping[Customer, float], calls: Calls, world: World) -> Iterator[str]:
    held = {customer.name: _held(calls, customer) for customer in load.told}
    yield from invariants.exceeded_caps(load.decided)
    yield from invariants.exceeded_in_store(held)
    yield from invariants.shown_against_rules(load.decided, turned)
    yield from invariants.crossed(load.decided)
    yield from invariants.lost_or_doubled(load.told, held)
    yield from invariants.missing_in_log(load.told, _logged(world))


def _held(calls: Calls, customer: Customer) -> Held:
    return Held.of(_taken(lambda: calls.get(identity("customer", customer.name))).customer)


def _logged(world: World) -> Counter[Contact]:
    """Return the outcomes in the decision log, by the command that operators use."""
    directory = world.directory / f"log-{world.tried}"
    command = [sys.executable, "-m", "nextbest_service", "log", "export", "--redis-url", world.store_url]
    subprocess.run(
        [*command, "--to", str(directory)], check=True, capture_output=True, timeout=PATIENCE_SECONDS
    )
    rows = pyarrow.parquet.read_table(directory / "outcomes").to_pylist()
    return Counter((row["decision_id"], row["action"], row["type"]) for row in rows)


@contextmanager
def all_of(*contexts: AbstractContextManager[Any]) -> Iterator[None]:
    """Enter some contexts and leave them in reverse."""
    with ExitStack() as entered:
        for context in contexts:
            entered.enter_context(context)
        yield
