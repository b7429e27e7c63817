"""Breaks every rule of the bank catalog, one at a time: its policy tests must notice."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pytest
from catalog_mutants import CHANGED, NEGATED, REMOVED, Mutant, mutants_of

from nextbest_rules import Catalog, load_catalog
from nextbest_rules.trials import Answer, Question, Trial, judge, read_suites
from nextbest_service.catalogs import shipped_catalogs
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import decide_offline, offline_generation


@dataclass(frozen=True)
class Gauntlet:
    """The policy tests of a catalog, and for each rule those that are about it."""

    catalog: Catalog
    trials: tuple[Trial, ...]

    @cached_property
    def about(self) -> Mapping[str, list[int]]:
        """The positions of the tests that name a rule, then of those that see it stop something."""
        generation = offline_generation(self.catalog)
        named: dict[str, list[int]] = {}
        seen: dict[str, list[int]] = {}
        for place, trial in enumerate(self.trials):
            for exclusion in (trial.expect.excluded or {}).values():
                named.setdefault(exclusion.rule or "", []).append(place)
            for rule in _stoppers(decide_offline(generation, trial.question)):
                seen.setdefault(rule, []).append(place)
        return {rule: named.get(rule, []) + seen.get(rule, []) for rule in named.keys() | seen.keys()}

    def order(self, thing: str) -> list[int]:
        """Return all tests, those that are most likely to notice first."""
        return list(dict.fromkeys([*self.about.get(thing, ()), *range(len(self.trials))]))

    def killer(self, mutant: Mutant) -> Trial | None:
        """Return the first test that notices a mutant."""
        generation = offline_generation(mutant.catalog)
        for place in self.order(mutant.thing):
            trial = self.trials[place]
            if judge(trial, _decide(generation, trial)):
                return trial
        return None


def _stoppers(answer: Answer) -> set[str]:
    return {exclusion.rule_id for exclusions in answer.exclusions.values() for exclusion in exclusions}


def _decide(generation: Generation, trial: Trial) -> Answer:
    return decide_offline(generation, _asked_of(generation.catalog, trial.question))


def _asked_of(catalog: Catalog, question: Question) -> Question:
    """Return the question with the placements as this catalog has them."""
    placements = tuple(
        replace(asked, placement=catalog.placements[asked.placement.id]) for asked in question.placements
    )
    return replace(question, placements=placements)


def _bank() -> tuple[Path, Catalog]:
    directory = shipped_catalogs()["bank"]
    return directory, load_catalog(directory)
