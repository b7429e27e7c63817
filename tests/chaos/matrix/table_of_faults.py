"""The table of faults: on the terminal, as Markdown and as JSON."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from rich.console import Console
from rich.table import Table

ROW = "row_of_the_table_of_faults"
_EXPLAINED = """\
Callers ask for decisions, report what became of them and tell of events all the time, by the documented
[retries](guides/clients.md#retries), and keep what was acknowledged. In each row, besides what it says, hold:
no cap is exceeded; guards and consent are kept on every rung of the ladder; nobody gets what belongs to
somebody else; each acknowledged outcome and event is in the store once, and each outcome in the decision log
once. What goes against that is counted as violations. Of latencies with a limit the quietest 100 answers in
a row count, for noise of the machine only adds."""
_COLUMNS = ("fault", "what breaks", "expected", "seen", "verdict")


def crashed(test: str, told: str) -> dict[str, Any]:
    """Return the row of a test that came to no verdict."""
    why = (told.strip().splitlines() or [""])[-1]
    return {
        "fault": test.rpartition("::")[2].rpartition("[")[2].rstrip("]"),
        "what": "",
        "expected": "",
        "seen": "no verdict",
        "passed": False,
        "wrong": [why],
        "figures": [],
    }


def printed(rows: Sequence[dict[str, Any]]) -> None:
    """Print the table."""
    table = Table(*_COLUMNS, show_lines=True)
    for row in rows:
        verdict = "[green]pass[/]" if row["passed"] else "[red]FAIL[/]\n" + "\n".join(row["wrong"])
        table.add_row(row["fault"], row["what"], row["expected"], row["seen"], verdict)
    Console(width=180).print(table)


def written(rows: Sequence[dict[str, Any]], target: Path, where: dict[str, str], *, keep: bool) -> None:
    """Write the table as `<target>.md` and `<target>.json`.

    keep: rows of faults that were not tried now stay as they are in the file, else they go.
    """
    file = target.with_suffix(".json")
    dated = {row["fault"]: {**row, **where} for row in rows}
    old = {row["fault"]: row for row in json.loads(file.read_text())} if keep and file.exists() else {}
    table = [*{**old, **dated}.values()]
    target.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(table, indent=1) + "\n")
    passed = sum(row["passed"] for row in table)
    machines = sorted({f"{row['machine']}, {row['versions']}" for row in table})
    lines = [
        "# What breaks, and what callers notice of it",
        "",
        f"`make chaos`: {passed} of {len(table)} as expected. {'; '.join(machines)}.",
        "Callers, service and store share the machine. Tried:",
        "",
        *(f"- {line}" for line in _runs(table)),
        "",
        *_EXPLAINED.splitlines(),
        "",
        "| " + " | ".join(_COLUMNS) + " |",
        "|" + "---|" * len(_COLUMNS),
    ]
    for row in table:
        verdict = "pass" if row["passed"] else "**FAIL**: " + "; ".join(row["wrong"][:5])
        cells = (f"`{row['fault']}`", row["what"], row["expected"], row["seen"], verdict)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    target.with_suffix(".md").write_text("\n".join(lines) + "\n")


def _runs(table: Sequence[dict[str, Any]]) -> list[str]:
    runs: dict[tuple[str, str], list[str]] = {}
    for row in table:
        runs.setdefault((row["at"], row["revision"]), []).append(row["fault"])
    largest = max(runs, key=lambda run: len(runs[run]))
    return [
        f"{at}, revision {revision}: "
        + ("all others" if (at, revision) == largest and len(runs) > 1 else ", ".join(faults))
        for (at, revision), faults in runs.items()
    ]


def this_run(repository: Path) -> dict[str, str]:
    """Return when and where a run is made, and of what."""
    command = ["git", "-C", str(repository), "describe", "--always", "--dirty"]
    described = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": described or "unknown",
        "machine": f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()} {platform.release()}",
        "versions": f"Python {platform.python_version()}, grpcio {grpc.__version__}",
    }
