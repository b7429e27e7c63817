"""The drift report as one HTML page that needs nothing else."""

import math
from collections.abc import Iterator
from html import escape

from nextbest_models.drift import MODERATE_FROM, STRONG_FROM, ColumnDrift, Drift, Portion

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --muted: #616e7c; --paper: #fff; --line: #e4e7eb;
  --then: #9aa5b1; --now: #0b7285; --stable: #2b8a3e; --moderate: #b35900; --strong: #c92a2a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --muted: #9aa5b1; --paper: #16191d;
  --line: #323f4b; --then: #616e7c; --now: #3bc9db;
  --stable: #69db7c; --moderate: #ffa94d; --strong: #ff8787; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--muted); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
svg { vertical-align: middle; } .then { fill: var(--then); } .now { fill: var(--now); }
.stable { color: var(--stable); } .moderate { color: var(--moderate); } .strong { color: var(--strong); }
.muted { color: var(--muted); } .key { display: inline-block; width: .7em; height: .7em;
  margin: 0 .3em 0 1em; }
"""
_HEIGHT = 28
_BAR = 5
_PAIR = 13
_NOTHING = "-"


def render_drift(drift: Drift, title: str, periods: str) -> str:
    """Return the page.

    Args:
        drift: what changed.
        title: heading of the page, such as the model's version.
        periods: which rows were compared, in words.
    """
    return "\n".join(_page(drift, escape(title), escape(periods))) + "\n"


def _page(drift: Drift, title: str, periods: str) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f"<h1>{title}</h1>\n<p>{periods}</p>"
    yield f"<p>{_summary(drift)}</p>"
    yield from _table("Scores", (drift.scores, *drift.types))
    yield from _table("Features", drift.features)
    yield (
        '<p class="muted">Index: population stability index over ten bins of equal size of the reference,'
        " with what is missing in a bin of its own and half a row added to each bin."
        f" Below {MODERATE_FROM} stable, below {STRONG_FROM} moderate, else strong. Within chance: so few"
        " rows show such an index one time in twenty or more often though nothing changed. Shift: difference"
        " of the means in standard deviations of the reference.</p>\n</body>\n</html>"
    )


def _summary(drift: Drift) -> str:
    moved = sum(item.index >= MODERATE_FROM and not item.may_be_chance for item in drift.features)
    return (
        f"{drift.current_rows:,} rows against {drift.reference_rows:,} of the reference. "
        f"{moved} of {len(drift.features)} features drifted; the scores are {drift.scores.verdict}."
    )


def _table(title: str, items: tuple[ColumnDrift, ...]) -> Iterator[str]:
    yield f'<h2>{title}</h2>\n<div class="table"><table>'
    heads = ("", "index", "verdict", "mean then", "mean now", "shift", "missing then", "missing now")
    keys = '<span class="key" style="background:var(--then)"></span>then'
    keys += '<span class="key" style="background:var(--now)"></span>now'
    yield f"<tr>{''.join(f'<th>{head}</th>' for head in heads)}<th>{keys}</th></tr>"
    yield from (_row(item) for item in items)
    yield "</table></div>"


def _row(item: ColumnDrift) -> str:
    chance = ' <span class="muted">(within chance)</span>' if _unsure(item) else ""
    missing = item.portions[-1]
    cells = (
        escape(item.name),
        f"{item.index:.3f}",
        f'<span class="{item.verdict}">{item.verdict}</span>{chance}',
        _number(item.reference_mean),
        _number(item.current_mean),
        _NOTHING if math.isnan(item.shift) else f"{item.shift:+.2f}",
        f"{missing.reference:.1%}",
        f"{missing.current:.1%}",
        _bars(item.portions),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _unsure(item: ColumnDrift) -> bool:
    return item.index >= MODERATE_FROM and item.may_be_chance


def _number(value: float) -> str:
    return _NOTHING if math.isnan(value) else f"{value:.4g}"


def _bars(portions: tuple[Portion, ...]) -> str:
    """Return two bars per bin that is not empty, with its figures as a tooltip."""
    shown = [item for item in portions if item.reference or item.current]
    highest = max(max(item.reference, item.current) for item in shown)
    bars = (_pair(place * _PAIR, item, highest) for place, item in enumerate(shown))
    return f'<svg width="{_PAIR * len(shown)}" height="{_HEIGHT}" role="img">{"".join(bars)}</svg>'


def _pair(left: int, item: Portion, highest: float) -> str:
    tip = f"<title>{escape(item.label)}: {item.reference:.1%} then, {item.current:.1%} now</title>"
    bars = ""
    for offset, name, share in ((0, "then", item.reference), (_BAR, "now", item.current)):
        height = _HEIGHT * share / highest
        place = f'x="{left + offset}" y="{_HEIGHT - height:.1f}" width="{_BAR}" height="{height:.1f}"'
        bars += f'<rect class="{name}" {place}/>'
    return f"<g>{tip}{bars}</g>"
