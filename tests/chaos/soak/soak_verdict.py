"""Whether a service stood a soak: limits that are stated beforehand, and what was seen of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from soak_figures import (
    after_first_third,
    limit_of_usual,
    memory_growth,
    outside,
    recovery,
    risen,
    usual_waits,
)
from soak_records import Record

MIB_PER_HOUR = 24.0
MIB_IN_ALL = 8.0
FDS, THREADS = 2.0, 1.0
OK_SHARE = 0.999
RECOVERY_SECONDS = 2.0
USUAL_WINDOWS = 0.9


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold: what was seen, what is allowed."""

    name: str
    seen: str
    allowed: str
    passed: bool


def judged(record: Record) -> list[Check]:
    """Return all checks of a run."""
    return [
        _memory(record),
        _flat("open files", [it.fds for it in record.samples], FDS, record),
        _flat("threads", [it.threads for it in record.samples], THREADS, record),
        _kept(record),
        _answered(record),
        *_recoveries(record),
        _reloads(record),
        _log(record),
    ]


def _memory(record: Record) -> Check:
    slope, growth = memory_growth(record.samples, record.seconds)
    passed = slope <= MIB_PER_HOUR or growth <= MIB_IN_ALL
    return Check(
        "memory after the first third",
        f"{slope:+.1f} MiB/h, {growth:+.1f} MiB in all",
        f"{MIB_PER_HOUR:g} MiB/h, or {MIB_IN_ALL:g} MiB in all",
        bool(passed),
    )


def _flat(name: str, values: Sequence[float], most: float, record: Record) -> Check:
    later = values[-len(after_first_third(record.samples, record.seconds)) :]
    rise = risen(later)
    return Check(
        f"{name} after the first third",
        f"{rise:+g}, from {min(later):g} to {max(later):g}",
        f"the median of the end {most:g} above that of the beginning",
        rise <= most,
    )


def _kept(record: Record) -> Check:
    return Check(
        "what was acknowledged is there once; caps, guards and consent hold; nobody got another's answer",
        f"{len(record.violations)} violations; {record.kept:,} outcomes and events of "
        f"{record.customers:,} customers",
        "0 violations, and more than 0 looked up",
        not record.violations and record.kept > 0,
    )


def _answered(record: Record) -> Check:
    calm = outside(record.questions, record.faults)
    share = float(record.questions.ok[calm].mean()) if calm.any() else 0.0
    full = float(record.questions.full[calm].mean()) if calm.any() else 0.0
    return Check(
        "answers OK outside faults",
        f"{100 * share:.3f} % of {int(calm.sum()):,}, in full quality {100 * full:.3f} %",
        f"{100 * OK_SHARE:g} %",
        share >= OK_SHARE,
    )


def _recoveries(record: Record) -> Iterator[Check]:
    usual = usual_waits(record.questions, record.faults, record.seconds)
    limit = limit_of_usual(usual)
    quiet = float(np.mean(usual <= limit)) if len(usual) else 0.0
    yield Check(
        "waits are usual outside faults, so that recoveries can be told",
        f"{100 * quiet:.1f} % of {len(usual)} windows at most {limit:.0f} ms",
        f"{100 * USUAL_WINDOWS:g} %",
        quiet >= USUAL_WINDOWS,
    )
    for it in record.faults:
        seconds = recovery(record.questions, it, limit)
        yield Check(
            f"{it.name} at {it.began:.0f} s: full answers and usual waits again",
            it.wrong or f"{seconds:g} s after it",
            f"{RECOVERY_SECONDS:g} s",
            not it.wrong and seconds <= RECOVERY_SECONDS,
        )


def _reloads(record: Record) -> Check:
    reloads = [it for it in record.marks if it.what != "fault"]
    wrong = [f"at {it.began:.0f} s {it.wrong}" for it in reloads if it.wrong]
    broken = sum(it.what == "broken reload" for it in reloads)
    return Check(
        "reloads: good ones swap, broken ones change nothing",
        "; ".join(wrong) or f"{len(reloads) - broken} good and {broken} broken ones as they should be",
        "all, and at least one of each",
        not wrong and 0 < broken < len(reloads),
    )


def _log(record: Record) -> Check:
    lost, waiting = record.samples[-1].log_lost, max(it.log_waiting for it in record.samples)
    return Check(
        "decision log",
        f"{lost:g} records lost, at most {waiting:g} waited, {record.samples[-1].log_waiting:g} in the end",
        "0 lost",
        lost == 0,
    )
