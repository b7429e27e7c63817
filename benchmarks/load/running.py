"""One whole run: everything started side by side, then rounds in which all servers take turns."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
import uvloop

from benchmarks.handwritten import exporting
from benchmarks.load import echo_server, machine
from benchmarks.load.answer_files import write_answers
from benchmarks.load.extras import further
from benchmarks.load.measuring import Cell, Subject, any_answer, whole_decision
from benchmarks.load.processes import Cores, Server, nextbest, python_server
from benchmarks.load.results import DECODED, ECHO, HANDWRITTEN, Run
from benchmarks.load.wire import message
from benchmarks.standard_work import StandardWork
from nextbest.v1 import decision_pb2, decision_pb2_grpc
from nextbest_models.progress import Progress
from nextbest_rules import load_catalog
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.where import store_url

RECORDED = 200
LOG_LENGTH = 50_000
"""Entries that decision logs keep: in a run they would fill the memory, in service they are exported."""
STORE_TIMEOUT_MS = 1_000
"""At saturation a reply of the store waits its turn behind other calls for longer than the default allows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a run takes: `seconds` for each cell, at saturation and at each of the `levels` of it.

    At the last level it is `tails` times as long: one call of a thousand is only known among many thousands.
    """

    rounds: int
    seconds: float
    levels: tuple[float, ...]
    tails: float = 1.0


FULL = Plan(rounds=5, seconds=2.5, levels=(0.25, 0.5, 0.7), tails=4.0)
QUICK = Plan(rounds=5, seconds=1.0, levels=(0.7,))


def run(plan: Plan, work: StandardWork, progress: Progress) -> Run:
    """Start everything, measure, stop everything. The work's home stays as it is: a copy is served."""
    cores, about = Cores.of_machine(), machine.facts()
    cores.take_load()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=work.root.parent) as directory:
        copy = work.copied(Path(directory) / "home")
        with _started(copy, cores) as subjects:
            stolen = machine.stolen_seconds()
            measured = uvloop.run(_Rounds(plan, subjects, progress).measured())
            about["stolen_seconds"] = round(machine.stolen_seconds() - stolen, 2)
            rss = {it.name: round(it.server.rss_mb, 1) for it in subjects}
            extras = further(plan.seconds, copy, subjects)
    return Run(
        cells=tuple(measured.cells),
        rounds=plan.rounds,
        apart=cores.apart,
        concurrency=measured.concurrency,
        alone_us=measured.alone_us,
        rss_mb=rss,
        machine={**about, "load_average_after": machine.facts()["load_average"]},
        work=work.figures,
        extras=extras,
    )


@contextmanager
def _started(work: StandardWork, cores: Cores) -> Iterator[list[Subject]]:
    """Yield all servers, up and ready on the work's own store."""
    requests = tuple(message(it.SerializeToString()) for it in work.requests())
    root, clock_ms = work.root, load_catalog(work.catalog).clock_ms
    with ExitStack() as stack:
        url = stack.enter_context(store_url(work.home, None))
        with connect_for_bulk(url) as client:
            store_pid = int(cast("dict[str, Any]", client.info("server"))["process_id"])
        options = ("--log-length", str(LOG_LENGTH), "--store-timeout-ms", str(STORE_TIMEOUT_MS))
        options += ("--metrics-port", "0")
        ours = stack.enter_context(nextbest(root, work.catalog, url, cores, *options))
        answers = root / "answers.msgpack"
        write_answers(answers, recorded(ours, work.requests()[:RECORDED]))
        echo = stack.enter_context(
            python_server(
                ECHO, "benchmarks.load.echo_server", [str(answers)], echo_server.RAW, cores, root / "echo.log"
            )
        )
        arguments = [str(root / exporting.FILE), url, str(clock_ms)]
        hand = stack.enter_context(
            python_server(
                HANDWRITTEN, "benchmarks.handwritten.server", arguments, ours.method, cores, root / "hand.log"
            )
        )
        decoded = Server(DECODED, echo.pid, echo.host, echo.port, echo_server.DECODED)
        checks = ((echo, any_answer), (decoded, any_answer), (ours, whole_decision), (hand, whole_decision))
        yield [Subject(server, requests, check, store_pid) for server, check in checks]


def recorded(server: Server, questions: Sequence[decision_pb2.DecideRequest]) -> list[bytes]:
    """Return a server's answers, asked one after the other by gRPC's own client."""
    with grpc.insecure_channel(f"{server.host}:{server.port}") as channel:
        decide = decision_pb2_grpc.DecisionServiceStub(channel).Decide  # type: ignore[no-untyped-call]
        return [decide(question, timeout=10.0).SerializeToString() for question in questions]


class _Rounds:
    """What the rounds found so far."""

    def __init__(self, plan: Plan, subjects: Sequence[Subject], progress: Progress) -> None:
        self.plan, self.subjects, self._progress = plan, subjects, progress
        self.cells, self.concurrency, self.alone_us = list[Cell](), dict[str, int](), dict[str, float]()

    async def measured(self) -> "_Rounds":
        """Find out how many calls saturate each server, then let them take turns in changing order."""
        for done, subject in enumerate(self.subjects, start=1):
            self.concurrency[subject.name] = await subject.plateau(self.plan.seconds / 2)
            self._progress("Looking for saturation", done, len(self.subjects))
        order, alone = random.Random(7), dict[str, list[float]]()
        for round_ in range(self.plan.rounds):
            for subject in order.sample(self.subjects, len(self.subjects)):
                await self._turn(subject, round_)
                if subject.check is whole_decision:
                    alone.setdefault(subject.name, []).append(await subject.alone_us(self.plan.seconds / 4))
            self._progress("Rounds", round_ + 1, self.plan.rounds)
        self.alone_us = {name: sorted(values)[len(values) // 2] for name, values in alone.items()}
        return self

    async def _turn(self, subject: Subject, round_: int) -> None:
        """Measure one server at saturation, and at shares of what it has just done."""
        seconds = self.plan.seconds
        full = await subject.saturated(self.concurrency[subject.name], seconds, round_)
        self.cells.append(full)
        for level in self.plan.levels if subject.name != DECODED else ():
            length = seconds * self.plan.tails if level == self.plan.levels[-1] else seconds
            self.cells.append(await subject.at_level(level, max(1.0, full.rate), length, round_))
