"""The course of one fault: before it, while it lasts, after it; and what can be measured of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from acks import Decided, Failed

WINDOW = 100
"""Answers whose latency is judged together: noise of the machine only adds, so the quietest window counts."""
IN_A_ROW = 20
"""So many full answers one after the other are a recovery."""


@dataclass(frozen=True, slots=True)
class Course:
    """All that callers got; the fault came at `hit` and was over at `healed`, in monotonic seconds."""

    decided: Sequence[Decided]
    failed: Sequence[Failed]
    hit: float
    healed: float

    @property
    def before(self) -> list[Decided]:
        """Return the decisions that were there before the fault."""
        return [it for it in self.decided if it.ended < self.hit]

    @property
    def during(self) -> list[Decided]:
        """Return the decisions that were asked for while it lasted."""
        return [it for it in self.decided if self.hit <= it.began < self.healed]

    @property
    def after(self) -> list[Decided]:
        """Return the decisions that were asked for once it was over."""
        return [it for it in self.decided if it.began >= self.healed]

    @property
    def errors(self) -> list[Failed]:
        """Return the questions that got no answer, whenever."""
        return [it for it in self.failed if it.rpc == "Decide"]

    @property
    def refusals(self) -> Counter[str]:
        """Return with what code calls that tell something were refused, and how often."""
        return Counter(it.code for it in self.failed if it.rpc != "Decide")

    @property
    def rungs(self) -> Counter[str]:
        """Return where the answers were found while it lasted that were not full."""
        return Counter(it.rung for it in self.during if not it.is_full)

    @property
    def reasons(self) -> Counter[str]:
        """Return why answers fell short from the fault on."""
        return Counter(why for it in (*self.during, *self.after) for why in it.degraded)

    def recovered(self) -> float | None:
        """Return how many seconds after the end of the fault full answers began to come; None: not yet."""
        answers = [(it.ended, it.is_full) for it in self.after]
        answers += [(it.ended, False) for it in self.errors if it.ended >= self.healed]
        in_a_row: list[float] = []
        for ended, is_full in sorted(answers):
            in_a_row = [*in_a_row, ended] if is_full else []
            if len(in_a_row) == IN_A_ROW:
                return in_a_row[0] - self.healed
        return None

    def outage(self) -> float:
        """Return how many seconds lay between the first answer that fell short and the last."""
        short = [it for it in (*self.during, *self.after) if not it.is_full]
        return max((it.ended for it in short), default=0.0) - min((it.began for it in short), default=0.0)


def quantile(decided: Sequence[Decided], share: float) -> float:
    """Return the latency in milliseconds below which a share of some answers lies, all of them together."""
    waits = sorted(1e3 * (it.ended - it.began) for it in decided)
    return waits[min(int(len(waits) * share), len(waits) - 1)] if waits else float("nan")


def quietest(decided: Sequence[Decided], share: float) -> float:
    """Return the lowest such latency of any window: what the service takes where the machine lets it."""
    ordered = sorted(decided, key=lambda it: it.began)
    starts = range(0, max(1, len(ordered) - WINDOW + 1), WINDOW // 4)
    return min(quantile(ordered[start : start + WINDOW], share) for start in starts)
