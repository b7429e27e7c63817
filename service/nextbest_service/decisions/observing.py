"""Who looks on at decisions behind their answers: samples, log lines, traces. Nobody changes anything."""

from typing import NamedTuple, Protocol

from nextbest_service.decisions.decision import Decision


class Spent(NamedTuple):
    """When the way of one question began and ended, by `perf_counter_ns`, and what its last steps took."""

    began_ns: int
    ended_ns: int
    render_us: int
    reserve_us: int

    @property
    def total_us(self) -> int:
        """Return the whole time in microseconds."""
        return (self.ended_ns - self.began_ns) // 1000


class Observer(Protocol):
    """Looks at decisions, dry runs included. What it raises would cost the caller the answer."""

    def decided(self, decision: Decision, spent: Spent) -> None:
        """Look at one decision. Its answer leaves when all observers have returned."""
