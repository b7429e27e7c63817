"""A round is a week of decisions: customers come, are answered, and do what the truth lets them do."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest.v1 import decision_pb2, identity_pb2, outcome_pb2, profile_pb2, value_pb2
from nextbest_models.offpolicy.arrays import Flags, Floats, Integers
from nextbest_models.progress import Progress
from nextbest_models.world import Visits, World, slate_values
from nextbest_models.world.answering import crowding_of
from nextbest_service.simulation.catalog_files import HOUR, NAMESPACE, PLACEMENT, action_ids, trait_names
from nextbest_service.simulation.clock import WEEK_DAYS, moment_ms
from nextbest_service.simulation.shop import Shop

SOURCE = "world"
AT_ONCE = 64
REACTION_MS, REPORT_MS = 30_000, 2 * 60_000
DISPLAYED = outcome_pb2.OUTCOME_TYPE_DISPLAYED
CLICKED = outcome_pb2.OUTCOME_TYPE_CLICKED


@dataclass(frozen=True, slots=True)
class Round:
    """What was shown in a round, and what came of it, in the order of time.

    decision: str [decisions], ids. time_ms: int64 [decisions], Unix milliseconds.
    visit: int64 [decisions], position in the visits.
    actions: int64 [decisions, ranks], positions in the world. probability: float64, as answered.
    maturity: int64, of the wire. clicked: bool. expected: float64, of the reward, from the truth. All like
    `actions`.
    """

    decision: NDArray[np.str_]
    time_ms: Integers
    visit: Integers
    actions: Integers
    probability: Floats
    maturity: Integers
    clicked: Flags
    expected: Floats

    def since(self, time_ms: int) -> "Round":
        """Return the part that was decided at a time or later."""
        kept = self.time_ms >= time_ms
        return Round(*(getattr(self, name)[kept] for name in Round.__slots__))


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who lives in a world, and when they come. `hours` ascend."""

    visits: Visits
    hours: tuple[int, ...]

    @property
    def world(self) -> World:
        """The truth, with one row per visit."""
        return self.visits.world

    async def introduce(self, shop: Shop, progress: Progress) -> None:
        """Tell the service of everybody: all that can be known of them."""
        rows, names = self.visits.at(self.hours[0]), trait_names(self.world)
        profiles = [
            profile_pb2.Profile(
                identities=[_identity(number)], features=dict(zip(names, traits, strict=True))
            )
            for number, traits in enumerate(self.world.customers[rows].tolist())
        ]
        await shop.introduce(profiles)
        progress("Introducing customers", len(profiles), len(profiles))

    async def round(
        self,
        shop: Shop,
        number: int,
        decisions: int,
        random: np.random.Generator,
        watch: Callable[[int, int], None],
    ) -> Round:
        """Let customers come for a week, each visit as likely as any other of its hour.

        `number` counts from 0; `watch` hears how many decisions are made, and of how many.
        """
        parts, done = [], 0
        for moment, hour, count in _timetable(number, self.hours, decisions):
            visits = random.choice(self.visits.at(hour), count)
            shop.clock.time_ms = moment
            answers = await _answers(shop, [self._question(visit) for visit in visits.tolist()], done)
            parts.append(await self._observed(shop, visits, answers, random))
            done += count
            watch(done, decisions)
        return _joined(parts)

    async def _observed(
        self,
        shop: Shop,
        visits: Integers,
        answers: Sequence[decision_pb2.DecideResponse],
        random: np.random.Generator,
    ) -> Round:
        """Let everybody react to what was answered; that is heard of two minutes later."""
        places = {name: place for place, name in enumerate(action_ids(self.world))}
        shown = [list(it.placements[0].propositions) for it in answers]
        actions = np.array([[places[it.action_id] for it in slate] for slate in shown], dtype=np.int64)
        looked, clicked = _reactions(self.world, visits, actions, random)
        decided_ms = shop.clock.time_ms
        shop.clock.time_ms += REPORT_MS
        await shop.report([*self._outcomes(answers, looked, clicked, decided_ms + REACTION_MS)])
        await shop.decider.log.flush()
        return Round(
            decision=np.array([it.decision_id for it in answers]),
            time_ms=np.full(len(visits), decided_ms),
            visit=visits,
            actions=actions,
            probability=np.array([[it.selection_probability for it in slate] for slate in shown]),
            maturity=np.array([[it.maturity for it in slate] for slate in shown], dtype=np.int64),
            clicked=clicked,
            expected=slate_values(self.world, visits, actions),
        )

    def _question(self, visit: int) -> decision_pb2.DecideRequest:
        return decision_pb2.DecideRequest(
            identities=[_identity(int(self.visits.customer[visit]))],
            placements=[decision_pb2.PlacementRequest(id=PLACEMENT)],
            context=value_pb2.Context(numbers={HOUR: float(self.visits.hour[visit])}),
        )

    def _outcomes(
        self, answers: Sequence[decision_pb2.DecideResponse], looked: Flags, clicked: Flags, happened_ms: int
    ) -> Iterator[outcome_pb2.Outcome]:
        """Yield what customers did: a proposition counts as displayed once somebody looked at it."""
        for row, answer in enumerate(answers):
            for rank, shown in enumerate(answer.placements[0].propositions):
                id_ = f"{answer.decision_id}-{rank}"
                if looked[row, rank]:
                    yield outcome_pb2.Outcome(
                        id=f"{id_}-seen",
                        source=SOURCE,
                        type=DISPLAYED,
                        time_unix_ms=happened_ms,
                        token=shown.token,
                    )
                if clicked[row, rank]:
                    yield outcome_pb2.Outcome(
                        id=f"{id_}-click",
                        source=SOURCE,
                        type=CLICKED,
                        time_unix_ms=happened_ms,
                        token=shown.token,
                        amount=shown.value,
                    )


async def _answers(
    shop: Shop, questions: Sequence[decision_pb2.DecideRequest], first: int
) -> list[decision_pb2.DecideResponse]:
    """Ask some questions at a time. `first` is the number of the first one."""
    answers: list[decision_pb2.DecideResponse] = []
    for start in range(0, len(questions), AT_ONCE):
        some = enumerate(questions[start : start + AT_ONCE], first + start)
        answers += await asyncio.gather(*(shop.decide(it, number) for number, it in some))
    return answers


def _reactions(
    world: World, visits: Integers, actions: Integers, random: np.random.Generator
) -> tuple[Flags, Flags]:
    """Draw which ranks are looked at, and which of these are followed, both [decisions, ranks]."""
    looked = random.random(actions.shape) < world.examination[: actions.shape[1]]
    chance = world.propensity[visits[:, None], actions] * crowding_of(world, actions)
    return looked, looked & (random.random(actions.shape) < chance)


def _timetable(number: int, hours: Sequence[int], decisions: int) -> Iterator[tuple[int, int, int]]:
    """Yield the moments of a round, their hour of the day and how many decisions fall on each."""
    moments = [(moment_ms(number, day, hour), hour) for day in range(WEEK_DAYS) for hour in hours]
    ends = np.linspace(0, decisions, len(moments) + 1).round().astype(int)
    for (moment, hour), count in zip(moments, np.diff(ends).tolist(), strict=True):
        if count:
            yield moment, hour, count


def _joined(parts: Sequence[Round]) -> Round:
    return Round(*(np.concatenate([getattr(it, name) for it in parts]) for name in Round.__slots__))


def _identity(customer: int) -> identity_pb2.Identity:
    return identity_pb2.Identity(namespace=NAMESPACE, id=str(customer))
