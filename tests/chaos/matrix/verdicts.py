"""What is expected of a fault, what was seen, and whether the one fits the other."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from courses import Course, quantile

ALL_RUNGS = frozenset({"FULL_MODEL", "STATIC_PRIORITY", "LAST_KNOWN_GOOD", "PLACEMENT_FALLBACK"})
RETRIABLE = frozenset({"UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED"})


class Figure(NamedTuple):
    """Something measured, and the most that it may be."""

    name: str
    unit: str
    measured: float
    most: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """What callers may notice of a fault, and for how long. Invariants hold in any case.

    words: the same for people.
    errors: the share of questions that may end in an error behind the documented retries.
    rungs: where answers may be found that fall short; none: all answers are full, but for a few that the
        machine's noise makes late.
    short: whether some must fall short, as a fault that nobody notices proves nothing.
    refusals: the codes with which reports and events may be refused before they are acknowledged.
    recovers_in: seconds from the end of the fault until answers are full again.
    figures: what else is measured.
    """

    words: str
    errors: float = 0.0
    rungs: frozenset[str] = frozenset()
    short: bool = False
    refusals: frozenset[str] = frozenset()
    recovers_in: float = 5.0
    figures: Callable[[Course], Sequence[Figure]] | None = None


RECOVERY = 1.0 if os.environ.get("CHAOS") == "full" else 3.0
"""The short cut runs where other tests run: there a recovery may take so many times longer."""
NOISE = 0.05
"""The share of answers that may be late for the machine's reasons where all should be full."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of the table. `wrong` is empty where all is as expected."""

    fault: str
    what: str
    expected: str
    seen: str
    wrong: Sequence[str]
    figures: Sequence[Figure]

    def as_row(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return {
            "fault": self.fault,
            "what": self.what,
            "expected": self.expected,
            "seen": self.seen,
            "passed": not self.wrong,
            "wrong": [*self.wrong[:20]],
            "figures": [
                {**it._asdict(), "measured": round(it.measured, 3), "most": round(it.most, 3)}
                for it in self.figures
            ],
        }


def judged(
    fault: str, what: str, expected: Expectation, course: Course, violations: Sequence[str]
) -> Verdict:
    """Return the verdict on a fault."""
    figures = [*_usual_figures(expected, course), *(expected.figures(course) if expected.figures else ())]
    wrong = [*violations, *_unexpected(expected, course)]
    wrong += [
        f"{it.name}: {it.measured:.3g} {it.unit} are more than {it.most:.3g}"
        for it in figures
        if not it.measured <= it.most
    ]
    return Verdict(fault, what, expected.words, _seen(course, violations, figures), wrong, figures)


def _usual_figures(expected: Expectation, course: Course) -> Iterator[Figure]:
    asked = len(course.decided) + len(course.errors)
    yield Figure("errors", "%", 100 * len(course.errors) / max(1, asked), 100 * expected.errors)
    recovered = course.recovered()
    yield Figure(
        "recovery",
        "s",
        float("inf") if recovered is None else max(0.0, recovered),
        RECOVERY * expected.recovers_in,
    )


def _unexpected(expected: Expectation, course: Course) -> Iterator[str]:
    if not course.during:
        yield "nobody was answered while it lasted"
    short = sum(course.rungs.values())
    if not expected.rungs and short > NOISE * len(course.during) + 2:
        yield f"{short} of {len(course.during)} answers fell short: {dict(course.reasons)}"
    if expected.rungs and (strange := course.rungs.keys() - expected.rungs):
        yield f"answers on {sorted(strange)}"
    if expected.short and not short:
        yield "nobody noticed anything"
    if strange := course.refusals.keys() - expected.refusals:
        yield f"reports were refused with {sorted(strange)}"


def _seen(course: Course, violations: Sequence[str], figures: Sequence[Figure]) -> str:
    short = sum(course.rungs.values())
    before, meanwhile, after = (quantile(it, 0.99) for it in (course.before, course.during, course.after))
    parts = [
        f"{len(course.decided)} decisions, {len(course.errors)} errors",
        f"{short} of {len(course.during)} short meanwhile" + _counts(course.rungs),
        f"p99 {before:.1f}, {meanwhile:.1f}, {after:.1f} ms before, meanwhile, after",
    ]
    parts += [
        f"{it.name} {it.measured:.3g} {it.unit} (at most {it.most:.3g})"
        for it in figures
        if it.name != "errors"
    ]
    if refusals := course.refusals:
        parts.append("refused and told again:" + _counts(refusals))
    parts.append(f"{len(violations)} violations")
    return "; ".join(parts)


def _counts(counts: Mapping[str, int]) -> str:
    told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f" ({told})" if told else ""
