"""How the figures look on a terminal, from 80 columns and 24 lines on."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nextbest_service.top.figures import Figures, Rpc, Worker

FEWEST_RPCS = 3
BAR = "█"
LONGEST_BAR = 8
NARROWEST = 7
DEFECTS = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS"})
SLOW_LAG_SECONDS = 0.05


def screen(found: Figures, lines: int, seconds: float) -> RenderableType:
    """Return all that there is room for. `seconds` is how long the figures were gathered."""
    middle = max(len(found.steps), len(found.left_out), 1) + 1
    room = max(FEWEST_RPCS, lines - middle - len(found.workers) - 9)
    return Group(
        _served(found),
        _state(found, seconds),
        _behind(found),
        _concerns(found),
        _calls(found.rpcs, room),
        Text(""),
        _side_by_side(_steps(found), _left_out(found)),
        Text(""),
        _workers(found.workers),
    )


def _served(found: Figures) -> Text:
    if not found.served:
        return Text("nothing is served yet", style="bold red")
    first, *others = found.served
    line = Text.assemble(
        (first["catalog"], "bold"),
        f" {first['catalog_version']}  model ",
        (first["model_version"] or "none", "" if first["model_version"] else "yellow"),
        "  scorer ",
        (first["scorer"] or "none", "" if first["scorer"] == "exact" else "yellow"),
    )
    if others:
        line.append(f"  and {len(others)} other version{'s' * (len(others) > 1)}", "bold yellow")
    return line


def _state(found: Figures, seconds: float) -> Text:
    """Return what is decided, and what waits."""
    parts = [
        f"{_rate(found.decisions)} decisions/s",
        f"known {_percent(found.known_share)}",
        f"by model {_percent(found.ranked_share)}",
        f"empty {_percent(found.empty_share)}",
    ]
    parts += [f"repeated {_rate(found.repeated)}/s"] if found.repeated else []
    return _line("  ".join(parts)).append(f"  in {seconds:.0f} s", "dim")


def _behind(found: Figures) -> Text:
    """Return how the store and the log are, and what comes in."""
    trips = found.round_trip
    parts = [f"store {_time(trips.p50)}, 99 % {_time(trips.p99)}", f"log {found.log_waiting} wait"]
    parts += [f"reloads {count} {result}" for result, count in sorted(found.reloads.items())]
    parts += [
        f"{what} {_rate(rate)}/s"
        for what, rate in sorted(found.items.items())
        if not what.endswith("rejected")
    ]
    return _line("  ".join(parts))


def _concerns(found: Figures) -> Text:
    """Return what should not be, worst first; an empty line where all is well."""
    line = _line("")
    if found.breaker_open:
        line.append("store given up  ", "bold red")
    for part in found.broken_parts:
        line.append(f"{part} does not work  ", "bold red")
    if found.log_lost:
        line.append(f"log lost {found.log_lost}  ", "bold red")
    for reason, rate in found.degraded.items():
        line.append(f"{reason} {_rate(rate)}/s  ", "bold yellow")
    others = {"shed": found.shed, "stale": found.stale}
    others |= {what: rate for what, rate in found.items.items() if what.endswith("rejected")}
    for what, rate in others.items():
        if rate:
            line.append(f"{what} {_rate(rate)}/s  ", "yellow")
    return line


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _calls(rpcs: tuple[Rpc, ...], room: int) -> Table:
    table = _table("RPC", "per s", "errors/s", "50 %", "95 %", "99 %", "open")
    for rpc in rpcs[:room]:
        took = rpc.took
        table.add_row(
            rpc.name.rpartition("/")[2],
            _rate(rpc.rate),
            _errors(rpc.errors),
            *map(_time, (took.p50, took.p95, took.p99)),
            str(rpc.under_way),
        )
    if len(rpcs) > room:
        table.add_row(Text(f"and {len(rpcs) - room} more", "dim"))
    if not rpcs:
        table.add_row(Text("nobody has called yet", "dim"))
    return table


def _errors(errors: Mapping[str, float]) -> Text:
    """Return the most frequent status that is an error, and how many others there are; defects first."""
    if not errors:
        return Text("0")
    worst = max(errors, key=lambda status: (status in DEFECTS, errors[status]))
    others = f" +{len(errors) - 1}" if len(errors) > 1 else ""
    return Text(f"{_rate(errors[worst])} {worst}{others}", "bold red" if worst in DEFECTS else "")


def _steps(found: Figures) -> Table:
    table = _table("step", "mean", "99 %", bars=True)
    longest = max((step.took.mean or 0.0 for step in found.steps), default=0.0)
    for step in found.steps:
        table.add_row(
            step.name, _time(step.took.mean), _time(step.took.p99), _bar(step.took.mean or 0.0, longest)
        )
    return table


def _left_out(found: Figures) -> Table:
    table = _table("left out by", "per decision", bars=True)
    most = max(found.left_out.values(), default=0.0)
    for stage, count in found.left_out.items():
        table.add_row(stage, f"{count:,.1f}", _bar(count, most))
    if not found.left_out:
        table.add_row(Text("nothing", "dim"))
    return table


def _workers(workers: Iterable[Worker]) -> Table:
    table = _table("process", "per s", "cores", "memory", "files", "loop late", "log")
    for worker in workers:
        if worker.problem:
            table.add_row(worker.address, Text("away", "bold red"))
            continue
        late = worker.lag_p99 is not None and worker.lag_p99 > SLOW_LAG_SECONDS
        table.add_row(
            worker.address,
            _rate(worker.rate),
            f"{worker.cores:.2f}",
            f"{worker.resident_bytes / 1e6:,.0f} MB",
            str(worker.open_files),
            Text(_time(worker.lag_p99), "yellow" if late else ""),
            str(worker.log_waiting),
        )
    return table


def _table(first: str, *others: str, bars: bool = False) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column(first, no_wrap=True, overflow="ellipsis")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True, min_width=NARROWEST)
    if bars:
        table.add_column("", no_wrap=True)
    return table


def _side_by_side(left: Table, right: Table) -> Table:
    table = Table.grid(expand=True)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(left, right)
    return table


def _bar(value: float, most: float) -> Text:
    return Text(BAR * round(LONGEST_BAR * value / most) if most else "", "cyan")


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 or not rate else f"{rate:.3g}"  # noqa: PLR2004 - digits to read


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, factor in _UNITS.items():
        if seconds < 1000 / factor:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:,.0f} s"


_UNITS: Mapping[str, float] = {"µs": 1e6, "ms": 1e3, "s": 1.0}
