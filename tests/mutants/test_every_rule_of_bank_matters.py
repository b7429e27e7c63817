"""Breaks every rule of the bank catalog, one at a time: at least one of its policy tests must notice."""

from collections.abc import Iterator
from concurrent.futures import Executor

import pytest
from catalog_mutants import CHANGED, MODE, NEGATED, REMOVED
from gauntlet import bank, processes, survivors

from nextbest_rules.rulebook import promotions_of, rules_of
from nextbest_rules.trials import judge
from nextbest_service.decisions.offline import decide_offline, offline_generation


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    """Processes that know the bank and its tests."""
    with processes() as started:
        yield started


def test_the_tests_of_the_bank_are_green() -> None:
    generation = offline_generation(bank().catalog)
    failed = [
        trial.name for trial in bank().trials if judge(trial, decide_offline(generation, trial.question))
    ]
    assert failed == []


def test_every_rule_and_named_condition_has_a_mutant() -> None:
    broken = {mutant.things[0] for mutant in bank().mutants if mutant.kind in (REMOVED, NEGATED)}
    catalog = bank().catalog
    assert {rule.id for rule in rules_of(catalog)} <= broken
    assert {f"conditions.{condition.name}" for condition in catalog.conditions} <= broken
    promotions = [mutant for mutant in bank().mutants if mutant.how.startswith("promotion")]
    assert len(promotions) == len(list(promotions_of(catalog)))


def test_no_rule_can_be_removed_or_turned_over_without_notice(pool: Executor) -> None:
    assert survivors(pool, frozenset({REMOVED, NEGATED}), by_all=True) == []


# A flipped mode shows only where something cannot be decided, and there the rules of the same action agree.
@pytest.mark.parametrize(("kind", "share"), [(CHANGED, 0.1), (MODE, 0.5)])
def test_most_small_changes_are_noticed_by_the_tests_of_the_rule(
    pool: Executor, kind: str, share: float
) -> None:
    changed = [mutant for mutant in bank().mutants if mutant.kind == kind]
    unnoticed = survivors(pool, frozenset({kind}), by_all=False)
    assert len(unnoticed) <= share * len(changed), unnoticed
