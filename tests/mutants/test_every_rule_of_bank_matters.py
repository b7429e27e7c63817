"""Breaks every rule of the bank catalog, one at a time: at least one of its policy tests must notice."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pytest
from catalog_mutants import CHANGED, MODE, NEGATED, REMOVED, Mutant, mutants_of

from nextbest_rules import Catalog, load_catalog
from nextbest_rules.rulebook import rules_of
from nextbest_rules.trials import Answer, Question, Trial, judge, read_suites
from nextbest_service.catalogs import shipped_catalogs
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import decide_offline, offline_generation


@dataclass(frozen=True)
class Gauntlet:
    """The policy tests of a catalog, and for each rule those that have to do with it."""

    catalog: Catalog
    trials: tuple[Trial, ...]

    @cached_property
    def naming(self) -> Mapping[str, list[int]]:
        """The tests that name a rule, an action, a goal, a brand or a placement, by their positions."""
        return _positions(_named(trial) for trial in self.trials)

    @cached_property
    def seeing(self) -> Mapping[str, list[int]]:
        """The tests in which a rule stops something, by their positions."""
        generation = offline_generation(self.catalog)
        return _positions(_stoppers(decide_offline(generation, trial.question)) for trial in self.trials)

    def likely(self, mutant: Mutant) -> list[int]:
        """Return the tests that have to do with what is broken, and the others of their files."""
        naming = [place for thing in mutant.things for place in self.naming.get(thing, ())]
        seeing = [place for thing in mutant.things for place in self.seeing.get(thing, ())]
        files = {self.trials[place].file for place in naming}
        beside = [place for place, trial in enumerate(self.trials) if trial.file in files]
        return list(dict.fromkeys([*naming, *seeing, *beside]))

    def all(self, mutant: Mutant) -> list[int]:
        """Return all tests, the likely ones first."""
        return list(dict.fromkeys([*self.likely(mutant), *range(len(self.trials))]))

    def notice(self, mutant: Mutant, places: Iterable[int]) -> bool:
        """Tell whether one of the tests fails on a mutant."""
        generation = offline_generation(mutant.catalog)
        trials = (self.trials[place] for place in places)
        return any(judge(trial, _answer(generation, trial.question)) for trial in trials)


def _positions(things: Iterable[Iterable[str]]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, names in enumerate(things):
        for name in names:
            found.setdefault(name, []).append(place)
    return found


def _named(trial: Trial) -> Iterator[str]:
    expect = trial.expect
    for action, exclusion in (expect.excluded or {}).items():
        yield from (action, exclusion.rule or action)
    yield from expect.propositions or ()
    yield from (action for actions in (expect.offered or {}).values() for action in actions)
    yield from (*(expect.includes or ()), *(expect.lacks or ()), *([expect.first] if expect.first else ()))
    question = trial.question
    yield from (question.brand, question.goal, *(asked.placement.id for asked in question.placements))


def _stoppers(answer: Answer) -> set[str]:
    return {exclusion.rule_id for exclusions in answer.exclusions.values() for exclusion in exclusions}


def _answer(generation: Generation, question: Question) -> Answer:
    """Ask a mutant, with the placements as it has them."""
    own = generation.catalog.placements
    placements = tuple(replace(asked, placement=own[asked.placement.id]) for asked in question.placements)
    return decide_offline(generation, replace(question, placements=placements))


@pytest.fixture(scope="module")
def bank() -> Gauntlet:
    """The bank with all of its policy tests, every one of them green."""
    directory = shipped_catalogs()["bank"]
    catalog = load_catalog(directory)
    trials = tuple(trial for suite in read_suites(directory, catalog) for trial in suite.trials)
    generation = offline_generation(catalog)
    assert not [trial.name for trial in trials if judge(trial, decide_offline(generation, trial.question))]
    return Gauntlet(catalog, trials)


def test_no_rule_can_be_removed_or_turned_over_without_notice(bank: Gauntlet) -> None:
    mutants = [mutant for mutant in mutants_of(bank.catalog) if mutant.kind in (REMOVED, NEGATED)]
    survivors = [str(mutant) for mutant in mutants if not bank.notice(mutant, bank.all(mutant))]
    assert survivors == []
    broken = {thing for mutant in mutants for thing in mutant.things}
    assert {rule.id for rule in rules_of(bank.catalog)} <= broken
    assert {f"conditions.{condition.name}" for condition in bank.catalog.conditions} <= broken


def test_most_small_changes_are_noticed_by_the_tests_of_the_rule(
    bank: Gauntlet, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, least in ((CHANGED, 0.9), (MODE, 0.2)):
        mutants = [mutant for mutant in mutants_of(bank.catalog) if mutant.kind == kind]
        survivors = [str(mutant) for mutant in mutants if not bank.notice(mutant, bank.likely(mutant))]
        with capsys.disabled():
            print(f"\n{kind}: {len(survivors)} of {len(mutants)} mutants survive")  # noqa: T201 - the figure is the point
        assert 1 - len(survivors) / len(mutants) >= least, survivors
