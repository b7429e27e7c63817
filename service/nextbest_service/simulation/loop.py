"""Round after round: decide, observe, export the log, learn from it, put the model into use."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextbest_models.progress import Progress
from nextbest_models.world import World
from nextbest_service.composition import load_parts
from nextbest_service.decision_log.export.exporter import Exporter
from nextbest_service.decision_log.source import LogSource
from nextbest_service.decisions.generation import Generation
from nextbest_service.home import Home
from nextbest_service.simulation.catalog_files import render_catalog
from nextbest_service.simulation.clock import SteppedClock
from nextbest_service.simulation.estimates import Judgement, judge, read_log
from nextbest_service.simulation.learning import LearnedModel, learn
from nextbest_service.simulation.plan import Plan
from nextbest_service.simulation.policies import Policy, policy_of, worth_of
from nextbest_service.simulation.reports import RoundReport, report_of
from nextbest_service.simulation.rounds import Crowd, Round
from nextbest_service.simulation.shop import open_shop
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.where import store_url


@dataclass(frozen=True, slots=True)
class Place:
    """Where a simulation keeps what it makes: a home and a catalog as anybody's, and the exported log."""

    root: Path

    @property
    def home(self) -> Home:
        """The store and the models."""
        return Home(self.root / "home")

    @property
    def catalog(self) -> Path:
        """The catalog's directory."""
        return self.root / "catalog"

    @property
    def log(self) -> Path:
        """The exported decision log."""
        return self.root / "log"


def simulate(
    plan: Plan, directory: Path, progress: Progress, *, explores: bool = True
) -> Iterator[RoundReport]:
    """Live through a plan's rounds and yield what came of each; the directory must be empty.

    Raises:
        StartupError: the embedded store does not start, or refuses something.
        LoggedDataError, DatasetError: too little happened to learn from.
    """
    place, crowd = Place(directory), plan.crowd()
    _write_catalog(crowd.world, place.catalog, plan.explore if explores else None)
    with store_url(place.home, None) as url:
        yield from _Loop(plan, crowd, place, url, progress).rounds()


@dataclass(frozen=True, slots=True)
class _Lived:
    """A round with the policy that decided in it."""

    policy: Policy
    round: Round


@dataclass(frozen=True, slots=True)
class _Loop:
    plan: Plan
    crowd: Crowd
    place: Place
    url: str
    progress: Progress

    def rounds(self) -> Iterator[RoundReport]:
        clock = SteppedClock()
        before: _Lived | None = None
        model: LearnedModel | None = None
        for number in range(self.plan.rounds):
            random = np.random.default_rng([self.plan.seed, number])
            generation, round_ = asyncio.run(self._decided(clock, number, random))
            policy = policy_of(generation, self.crowd, self._watch("Foreseeing every visit"))
            worth = worth_of(policy, self.crowd.world, random)
            judgement = self._judged(before, model, policy, worth)
            self._export()
            yield report_of(number, round_, self.crowd.world, worth, model, judgement)
            self.progress("Rounds", number + 1, self.plan.rounds)
            before = _Lived(policy, round_)
            if number + 1 < self.plan.rounds:
                model = self._learned(number + 1)

    async def _decided(
        self, clock: SteppedClock, number: int, random: np.random.Generator
    ) -> tuple[Generation, Round]:
        """Serve for a round, with the model in use."""
        parts = load_parts(str(self.place.catalog), self.place.home)
        async with open_shop(parts, self.url, clock, f"{self.plan.seed}/{number}") as shop:
            if not number:
                await self.crowd.introduce(shop, self.progress)
            watch = self._watch("Deciding")
            return shop.generation, await self.crowd.round(shop, number, self.plan.decisions, random, watch)

    def _judged(
        self, before: _Lived | None, model: LearnedModel | None, policy: Policy, worth: float
    ) -> Judgement | None:
        """Estimate from what the model had not seen of the round before; None where nothing was explored."""
        if before is None or model is None or before.policy.exploration is None:
            return None
        unseen = before.round.since(model.held_back_from_ms)
        logged = read_log(self.place.log, unseen.decision, self.plan.ranks)
        return judge(unseen, logged, before.policy, policy, self.crowd.world, worth)

    def _export(self) -> None:
        """Write what happened to files, as `nextbest log export` does."""
        with connect_for_bulk(self.url) as bulk:
            for _ in Exporter(self.place.log, LogSource(bulk)).run():
                pass

    def _learned(self, rounds: int) -> LearnedModel:
        place = self.place
        recipe = place.root / "recipe.toml"
        return learn(place.home, place.catalog, place.log, recipe, rounds, self.plan.threads, self.progress)

    def _watch(self, step: str) -> Callable[[int, int], None]:
        return lambda done, total: self.progress(step, done, total)


def _write_catalog(world: World, directory: Path, explore: float | None) -> None:
    for name, text in render_catalog(world, explore).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
