"""Why actions are left out, counted for some decisions: all of them would take longer than deciding."""

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import NamedTuple

from nextbest_rules import Stage, Surface
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.observing import Spent

SHORTEST_PAUSE_NS = 100_000_000
"""No more than ten decisions are looked at in a second."""
PAUSES_PER_LOOK = 100
"""Nor may looking take more than a hundredth of the time."""
MOST_RULES = 1_000
"""Rules with a count of their own. What a catalog has beyond that counts under `OTHER`, by stage."""
OTHER = "(other)"


class Left(NamedTuple):
    """How many actions a rule left out; those that rules let pass and a better one beat have no rule."""

    stage: Stage
    rule_id: str
    actions: int


class Samples:
    """What became of the actions of a catalog in the first placement of some decisions.

    `decisions` is how many were looked at, `empty` how many of them had nothing to show, and `left_out` how
    many actions were left out, by stage and rule. `clock` is that of `Spent`.
    """

    __slots__ = ("_clock", "_due_ns", "decisions", "empty", "left_out")

    def __init__(self, clock: Callable[[], int] = perf_counter_ns) -> None:
        self._clock = clock
        self._due_ns = 0
        self.decisions = 0
        self.empty = 0
        self.left_out: dict[tuple[Stage, str], int] = {}

    def decided(self, decision: Decision, spent: Spent) -> None:
        """Look at a decision if it is time for one again."""
        if spent.ended_ns >= self._due_ns and decision.placements:
            self._look(decision)
            took_ns = self._clock() - spent.ended_ns
            self._due_ns = spent.ended_ns + max(SHORTEST_PAUSE_NS, PAUSES_PER_LOOK * took_ns)

    def _look(self, decision: Decision) -> None:
        self.decisions += 1
        self.empty += not decision.placements[0].propositions
        for stage, rule_id, count in left_out(decision):
            known = (stage, rule_id) in self.left_out or len(self.left_out) < MOST_RULES
            key = (stage, rule_id if known else OTHER)
            self.left_out[key] = self.left_out.get(key, 0) + count


def left_out(decision: Decision) -> Iterator[Left]:
    """Yield what left actions out of the first placement of a decision.

    They are counted on the best channel, as the answer explains them. Where no channel suits there is no
    placement's word to be heard, and nothing is arbitrated.
    """
    basis, (placement, *_) = decision.basis, decision.placements
    rules, asked, reach = basis.generation.rules, placement.request, basis.reach
    channel = reach.approaches[0].channel if reach.approaches else ""
    surface = Surface(asked.placement.id, channel, basis.request.locale) if channel else None
    remaining = len(basis.generation.catalog.actions) - len(placement.propositions)
    for stage, rule_id, count in rules.count_stopped(
        reach.view, surface, asked.excluded, basis.request.candidates
    ):
        yield Left(stage, rule_id, count)
        remaining -= count
    if remaining > 0:
        yield Left(Stage.ARBITRATION if channel else Stage.PLACEMENT, "" if channel else "channel", remaining)
