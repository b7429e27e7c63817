"""What was answered last, and what operators had stopped, for the time when nobody can read who asks.

It stays in the memory of one process, is bounded by number and by age, and holds ids of actions only: no
content, no names, nothing read of the customer. What it gives back must pass the rules again.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from nextbest_rules.records import Kill
from nextbest_service.decisions.decision import PlacementDecision
from nextbest_service.store.keys import Ref

MOST_PERSONS = 20_000
LONGEST_SECONDS = 600.0
NOTHING: Mapping[str, Sequence[str]] = {}


class _Answer(NamedTuple):
    at: float
    actions: Sequence[str]


class LastKnown:
    """The last answers by person and placement: of the `persons` who asked last, no older than `seconds`.

    `killed` are the kills that were read last.
    """

    def __init__(
        self,
        persons: int = MOST_PERSONS,
        seconds: float = LONGEST_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._most = persons
        self._seconds = seconds
        self._clock = clock
        self.killed: Mapping[str, Kill] = {}
        self._answers: OrderedDict[Ref, dict[str, _Answer]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def remember(self, person: Ref, placements: Iterable[PlacementDecision]) -> None:
        """Remember what was answered; the person under this ref is taken for the latest who asked."""
        if not self._most:
            return
        answers, now = self._answers, self._clock()
        own = answers.get(person)
        if own is None:
            own = answers[person] = {}
            if len(answers) > self._most:
                answers.popitem(last=False)
        else:
            answers.move_to_end(person)
        for placement in placements:
            actions = [proposition.action.id for proposition in placement.propositions]
            own[placement.request.placement.id] = _Answer(now, actions)

    def of(self, refs: Iterable[Ref]) -> Mapping[str, Sequence[str]]:
        """Return what was answered last, by placement, under the first of some refs that is remembered."""
        since = self._clock() - self._seconds
        for ref in refs:
            own = self._answers.get(ref)
            if own is not None:
                return {place: answer.actions for place, answer in own.items() if answer.at >= since}
        return NOTHING

    def stop(self, killed: Mapping[str, Kill]) -> None:
        """Take note of the kills that hold now."""
        self.killed = killed

    def forget(self, refs: Iterable[Ref]) -> None:
        """Forget what was answered under some refs."""
        for ref in refs:
            self._answers.pop(ref, None)
