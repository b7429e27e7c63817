"""Run suites: ask each question, judge each answer, and add up what the tests saw."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TypeAlias

from nextbest_rules.catalog import Catalog
from nextbest_rules.trials.coverage import Coverage, CoverageRecorder
from nextbest_rules.trials.judgement import Failure, judge
from nextbest_rules.trials.question import Answer, Question
from nextbest_rules.trials.suites import Suite, Trial

Decide: TypeAlias = Callable[[Question], Answer]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one test."""

    trial: Trial
    failures: tuple[Failure, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Tell whether every expectation was met."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a run."""

    results: tuple[Result, ...]
    coverage: Coverage

    @property
    def failed(self) -> tuple[Result, ...]:
        """The tests that failed."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def stories(self) -> tuple[str, ...]:
        """The stories that passing tests tell, and no failing one, in the order of their numbers."""
        told = {story for result in self.results for story in result.trial.stories}
        broken = {story for result in self.failed for story in result.trial.stories}
        return tuple(sorted(told - broken, key=lambda story: int(story[1:])))


def run(
    suites: Iterable[Suite], catalog: Catalog, decide: Decide, done: Callable[[Result], None] = lambda _: None
) -> Report:
    """Ask and judge every test in its order; `done` is told of each result as it comes."""
    recorder, results = CoverageRecorder(catalog), []
    for suite in suites:
        for trial in suite.trials:
            result, answer = _try(trial, decide)
            recorder.watch(trial.question, answer)
            results.append(result)
            done(result)
    return Report(tuple(results), recorder.coverage())


def _try(trial: Trial, decide: Decide) -> tuple[Result, Answer]:
    started = time.perf_counter()
    answer = decide(trial.question)
    failures = judge(trial, answer)
    return Result(trial, failures, time.perf_counter() - started), answer


def selected(suites: Iterable[Suite], glob: str = "*", story: str = "") -> tuple[Suite, ...]:
    """Return the suites whose file name matches `glob`, with the tests that tell `story` (empty: all)."""
    chosen = []
    for suite in suites:
        name = suite.file.rpartition("/")[2]
        trials = tuple(trial for trial in suite.trials if not story or story in trial.stories)
        if trials and (fnmatch(name, glob) or fnmatch(name.removesuffix(".yaml"), glob)):
            chosen.append(Suite(suite.file, suite.title, trials))
    return tuple(chosen)
