"""Week after week: decide, observe, export the log, train on it, put the model into use."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextbest_models.progress import Progress
from nextbest_models.world import World, WorldShape, best_values, make_world, visits_of
from nextbest_service.composition import load_parts, store_url
from nextbest_service.decision_log.export.exporter import Exporter
from nextbest_service.decision_log.source import LogSource
from nextbest_service.home import Home
from nextbest_service.simulation.catalog_files import render_catalog
from nextbest_service.simulation.clock import SteppedClock
from nextbest_service.simulation.estimates import Judgement, judge, read_log
from nextbest_service.simulation.learning import Learned, learn
from nextbest_service.simulation.policies import policy_of, worth_of
from nextbest_service.simulation.shop import open_shop
from nextbest_service.simulation.weeks import Crowd, Week
from nextbest_service.store.connection import connect_for_bulk

HOURS = (8, 13, 20)
RHYTHM = 0.5
"""How much the hour matters, as `visits_of` counts it."""
GROUPS, ISSUES = 6, 3


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a simulation is. `decisions` are per week, `ranks` per decision."""

    customers: int = 1_000
    actions: int = 30
    ranks: int = 2
    weeks: int = 6
    decisions: int = 3_000
    seed: int = 1
    threads: int = 2

    def crowd(self) -> Crowd:
        """Return who lives in this world, and when they come."""
        shape = WorldShape(
            customers=self.customers,
            actions=self.actions,
            groups=min(GROUPS, self.actions),
            issues=min(ISSUES, self.actions),
            ranks=self.ranks,
            new_actions=0,
        )
        return Crowd(visits_of(make_world(self.seed, shape), HOURS, RHYTHM, self.seed), HOURS)


@dataclass(frozen=True, slots=True)
class Round:
    """A week, with figures per decision.

    served, best: expected reward of what was shown to those who came, and of the best for them.
    worth: of the policy over all visits. model: what served, None in the first week.
    judgement: what the week before said about this one's policy; None if it cannot tell.
    """

    number: int
    decisions: int
    clicks: int
    served: float
    best: float
    worth: float
    maturity: Mapping[int, float]
    model: Learned | None
    judgement: Judgement | None

    @property
    def regret(self) -> float:
        """The share of the best possible that was not earned."""
        return 1 - self.served / self.best


def simulate(plan: Plan, directory: Path, progress: Progress, *, explores: bool = True) -> Sequence[Round]:
    """Live some weeks in a world; everything that comes up is kept in the directory."""
    crowd, home = plan.crowd(), Home(directory / "home")
    write_catalog(crowd.world, directory / "catalog", explores=explores)
    with store_url(home, None) as url:
        return [*_weeks(plan, crowd, directory, home, url, progress)]


def _weeks(plan, crowd, directory, home, url, progress):
    clock, catalog, log = SteppedClock(), directory / "catalog", directory / "log"
    model, before = None, None
    for number in range(plan.weeks):
        random = np.random.default_rng([plan.seed, number])
        generation, week = asyncio.run(
            _lived(plan, crowd, catalog, home, url, clock, number, random, progress)
        )
        policy = policy_of(generation, crowd)
        worth = worth_of(policy, crowd.world, random)
        judgement = None
        if before is not None and policy.exploration is not None:
            half = Week(*(getattr(before[1], n)[len(before[1].visit) // 2 :] for n in Week.__slots__))
            judgement = judge(
                half, read_log(log, half.decision, plan.ranks), before[0], policy, crowd.world, worth
            )
        yield Round(
            number=number,
            decisions=len(week.visit),
            clicks=int(week.clicked.sum()),
            served=float(week.expected.sum(axis=1).mean()),
            best=float(best_values(crowd.world)[week.visit].mean()),
            worth=worth,
            maturity={int(k): float(v) for k, v in zip(*np.unique(week.maturity, return_counts=True))},
            model=model,
            judgement=judgement,
        )
        with connect_for_bulk(url) as bulk:
            for _ in Exporter(log, LogSource(bulk)).run():
                pass
        before = policy, week
        if number + 1 < plan.weeks:
            model = learn(home, catalog, log, 0.5 / (number + 1), plan.threads)


async def _lived(plan, crowd, catalog, home, url, clock, number, random, progress):
    parts = load_parts(str(catalog), home)
    async with open_shop(parts, url, clock, f"{plan.seed}/{number}") as shop:
        if not number:
            await crowd.introduce(shop, progress)
        return shop.generation, await crowd.week(shop, number, plan.decisions, random, progress)


def write_catalog(world: World, directory: Path, *, explores: bool) -> None:
    """Write the files of a world's catalog."""
    for name, text in render_catalog(world, explores=explores).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
