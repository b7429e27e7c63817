"""Runs a catalog's policy tests against mutants of it, in as many processes as help."""

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from multiprocessing import get_context

from catalog_mutants import MODE, Mutant, mutants_of

from nextbest_rules import Catalog, load_catalog
from nextbest_rules.trials import Answer, Question, Trial, judge, read_suites
from nextbest_service.catalogs import shipped_catalogs
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import decide_offline, offline_generation

_MOST_PROCESSES = 4


@dataclass(frozen=True)
class Gauntlet:
    """The policy tests of a catalog, and for each rule those that have to do with it."""

    catalog: Catalog
    trials: tuple[Trial, ...]

    @cached_property
    def mutants(self) -> tuple[Mutant, ...]:
        """Every mutant of the catalog."""
        return tuple(mutants_of(self.catalog))

    @cached_property
    def naming(self) -> Mapping[str, list[int]]:
        """The tests that name a rule, an action, a goal, a brand or a placement, by their positions."""
        return _positions(_named(trial) for trial in self.trials)

    @cached_property
    def seeing(self) -> Mapping[str, list[int]]:
        """The tests in which a rule stops something, by their positions."""
        generation = offline_generation(self.catalog)
        return _positions(_stoppers(decide_offline(generation, trial.question)) for trial in self.trials)

    @cached_property
    def in_the_dark(self) -> list[int]:
        """The tests in which a part of what is known cannot be read."""
        customers = [trial.question.customer for trial in self.trials]
        return [place for place, customer in enumerate(customers) if customer and customer.unreadable]

    def likely(self, mutant: Mutant) -> list[int]:
        """Return the tests that have to do with what is broken, and the others of their files."""
        naming = [place for thing in mutant.things for place in self.naming.get(thing, ())]
        if mutant.kind == MODE:
            return list(dict.fromkeys([*self.in_the_dark, *naming]))
        seeing = [place for thing in mutant.things for place in self.seeing.get(thing, ())]
        files = {self.trials[place].file for place in naming}
        beside = [place for place, trial in enumerate(self.trials) if trial.file in files]
        return list(dict.fromkeys([*naming, *seeing, *beside]))

    def notice(self, mutant: Mutant, *, by_all: bool) -> bool:
        """Tell whether a test fails on a mutant: any test, or one of those that have to do with it."""
        generation = offline_generation(mutant.catalog)
        places = self.likely(mutant)
        order = dict.fromkeys([*places, *range(len(self.trials))]) if by_all else places
        trials = (self.trials[place] for place in order)
        return any(judge(trial, _answer(generation, trial.question)) for trial in trials)


def _positions(things: Iterable[Iterable[str]]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, names in enumerate(things):
        for name in names:
            found.setdefault(name, []).append(place)
    return found


def _named(trial: Trial) -> Iterator[str]:
    expect, question = trial.expect, trial.question
    for action, exclusion in (expect.excluded or {}).items():
        yield from (action, exclusion.rule or action)
    yield from expect.propositions or ()
    yield from (action for actions in (expect.offered or {}).values() for action in actions)
    yield from (*(expect.includes or ()), *(expect.lacks or ()), *([expect.first] if expect.first else ()))
    yield from (question.brand, question.goal, *(asked.placement.id for asked in question.placements))


def _stoppers(answer: Answer) -> set[str]:
    return {exclusion.rule_id for exclusions in answer.exclusions.values() for exclusion in exclusions}


def _answer(generation: Generation, question: Question) -> Answer:
    """Ask a mutant, with the placements as it has them."""
    own = generation.catalog.placements
    placements = tuple(replace(asked, placement=own[asked.placement.id]) for asked in question.placements)
    return decide_offline(generation, replace(question, placements=placements))


@cache
def bank() -> Gauntlet:
    """Return the bank with all of its policy tests."""
    directory = shipped_catalogs()["bank"]
    catalog = load_catalog(directory)
    trials = tuple(trial for suite in read_suites(directory, catalog) for trial in suite.trials)
    return Gauntlet(catalog, trials)


@contextmanager
def processes() -> Iterator[Executor]:
    """Start as many processes as help; each loads the bank once."""
    number = min(_MOST_PROCESSES, os.cpu_count() or 1)
    with ProcessPoolExecutor(number, mp_context=get_context("spawn")) as pool:
        yield pool


def survivors(pool: Executor, kinds: frozenset[str], *, by_all: bool) -> list[str]:
    """Return the mutants of the bank, of some kinds, that its tests do not notice."""
    numbers = [number for number, mutant in enumerate(bank().mutants) if mutant.kind in kinds]
    ask = _noticed_by_all if by_all else _noticed_by_likely
    noticed = list(pool.map(ask, numbers, chunksize=8))
    return [str(bank().mutants[number]) for number, seen in zip(numbers, noticed, strict=True) if not seen]


def _noticed_by_all(number: int) -> bool:
    return bank().notice(bank().mutants[number], by_all=True)


def _noticed_by_likely(number: int) -> bool:
    return bank().notice(bank().mutants[number], by_all=False)
