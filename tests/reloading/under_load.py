"""Callers that ask all the time, and know what each generation answers to each of their questions."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import corner_shop
import grpc
from corner_shop import question

from nextbest.v1 import decision_pb2, decision_pb2_grpc, value_pb2

CALLERS = 3
THINKING_SECONDS = 0.01
"""Between an answer and the next question: some hundred questions a second, and time for reloads."""
WHO = (*corner_shop.CUSTOMERS, corner_shop.STRANGER)
QUESTIONS = [
    question(
        "home",
        of=who,
        dry_run=True,
        include_content=True,
        explain_level=level,
        context=value_pb2.Context(numbers={"basket_value": 3.5}),
    )
    for who, level in itertools.product(
        WHO, (decision_pb2.EXPLAIN_LEVEL_UNSPECIFIED, decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS)
    )
]


def content_of(answer: Any) -> bytes:
    """Return all of an answer that may not differ from one time to the next, as bytes."""
    copy = decision_pb2.DecideResponse.FromString(answer.SerializeToString())
    copy.ClearField("decision_id")
    copy.ClearField("timing")
    return copy.SerializeToString(deterministic=True)


def version_of(answer: Any) -> str:
    """Return which generation gave an answer."""
    return f"{answer.versions.catalog}/{answer.versions.model}"


@dataclass
class Asking:
    """`expected` has the answers to all questions by generation. What is wrong is counted and noted."""

    address: str
    expected: dict[str, Sequence[bytes]] = field(default_factory=dict)
    answered: int = 0
    wrong: list[str] = field(default_factory=list)
    by_version: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def learn(self) -> str:
        """Note what the generation that serves now answers, and return its name."""
        with grpc.insecure_channel(self.address) as channel:
            ask = decision_pb2_grpc.DecisionServiceStub(channel).Decide
            answers = [ask(it, timeout=20) for it in QUESTIONS]
        (name,) = {version_of(answer) for answer in answers}
        self.expected[name] = [content_of(answer) for answer in answers]
        return name

    @contextmanager
    def going_on(self) -> Iterator["Asking"]:
        """Ask until the end of the context."""
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _ask(self, number: int) -> None:
        options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.address, options=options) as channel:
            ask = decision_pb2_grpc.DecisionServiceStub(channel).Decide
            for place in itertools.cycle(range(len(QUESTIONS))):
                if self._stop.wait(THINKING_SECONDS):
                    return
                started = time.perf_counter()
                try:
                    answer = ask(QUESTIONS[place], timeout=20)
                except grpc.RpcError as error:
                    self.wrong.append(f"{number}: {error.code()}: {error.details()}")
                    continue
                self.seconds.append(time.perf_counter() - started)
                self.answered += 1
                name = version_of(answer)
                self.by_version[name] = self.by_version.get(name, 0) + 1
                if content_of(answer) != self.expected.get(name, ())[place]:
                    self.wrong.append(f"{number}: question {place} to {name} got another answer")


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def slope(values: Sequence[float]) -> float:
    """Return by how much values grow from one to the next, by the line that fits best."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    above = sum((place - middle) * (value - mean) for place, value in enumerate(values))
    return above / sum((place - middle) ** 2 for place in range(len(values)))
