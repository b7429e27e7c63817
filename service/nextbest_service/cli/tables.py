"""How answers look on a terminal."""

import json
from collections.abc import Container, Iterator, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2, value_pb2

_NOTABLE = (action_pb2.SELECTION_TYPE_PINNED, action_pb2.SELECTION_TYPE_FALLBACK)


def print_decision(console: Console, response: decision_pb2.DecideResponse) -> None:
    """Print the propositions of every placement with their factors and, where given, the exclusions."""
    for placement in response.placements:
        console.print(propositions_table(placement, details=True))
    if response.exclusions:
        console.print(exclusions_table(response.exclusions))
    for degradation in response.degraded:
        console.print(f"degraded: {degradation.reason}", style="yellow")
    if not response.customer_known:
        console.print("This customer is not known: declared defaults were used.", style="yellow")
    console.print(_footer(response), style="dim", highlight=False)


def propositions_table(
    placement: proposition_pb2.PlacementDecision,
    marked: Container[str] = frozenset(),
    *,
    details: bool = False,
) -> Table:
    """Return the propositions of one placement, best first, with factors; `marked` actions get a tick.

    With `details` a second line says how and until when to show them, and what was computed for the customer.
    """
    table = Table(
        title=f"Placement {placement.placement_id}: priority = P × C × V × L",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        expand=True,
    )
    table.add_column("#", justify="right", min_width=4)
    table.add_column("action", no_wrap=True, min_width=15)
    table.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
    for factor, width in (("P", 6), ("C", 2), ("V", 2), ("L", 2), ("priority", 8)):
        table.add_column(factor, justify="right", no_wrap=True, min_width=width)
    for proposition in placement.propositions:
        table.add_row(
            f"{'✓ ' if proposition.action_id in marked else ''}{proposition.rank}",
            proposition.action_id,
            _what(proposition) if details else _title(proposition),
            f"{proposition.propensity:.4f}",
            f"{proposition.context_weight:g}",
            f"{proposition.value:g}",
            f"{proposition.lever:g}",
            f"{proposition.priority:.4f}",
            style="bold green" if proposition.action_id in marked else None,
        )
    if not placement.propositions:
        table.add_row("", "", "nothing may be said here")
    return table


def exclusions_table(exclusions: Sequence[proposition_pb2.Exclusion]) -> Table:
    """Return why actions were left out: how many by each rule, with one of them as an example."""
    groups: dict[tuple[object, ...], list[proposition_pb2.Exclusion]] = {}
    for exclusion in exclusions:
        key = (exclusion.stage, exclusion.rule_id, exclusion.reason, exclusion.placement_id)
        groups.setdefault(key, []).append(exclusion)
    table = Table(
        title=f"Why {len(exclusions):,} others were left out",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        expand=True,
    )
    table.add_column("actions", justify="right")
    table.add_column("stage: rule", overflow="fold", min_width=18)
    table.add_column("why, and one of them as an example", overflow="fold", ratio=1)
    for members in sorted(groups.values(), key=len, reverse=True):
        example = members[0]
        stage = action_pb2.Stage.Name(example.stage).removeprefix("STAGE_").lower()
        rule = f"{stage}: {example.rule_id}" if example.rule_id else stage
        table.add_row(f"{len(members):,}", rule, _example(example))
    return table


def _example(exclusion: proposition_pb2.Exclusion) -> Text:
    text = Text(exclusion.reason)
    details = [("is", exclusion.actual), ("needs", exclusion.required)]
    if exclusion.eligible_at_unix_ms:
        details.append(("lifted at", _moment(exclusion.eligible_at_unix_ms)))
    text.append(f"\n{exclusion.action_id}", style="cyan")
    for label, detail in details:
        if detail:
            text.append(f"\n  {label}: {detail}", style="dim")
    return text


def _title(proposition: proposition_pb2.Proposition) -> str:
    content = json.loads(proposition.content_json) if proposition.content_json else {}
    return str(content.get("title", ""))


def _what(proposition: proposition_pb2.Proposition) -> Text:
    text = Text(_title(proposition))
    details = " · ".join(_details(proposition))
    return text.append(f"\n{details}", style="dim") if details else text


def _details(proposition: proposition_pb2.Proposition) -> Iterator[str]:
    if proposition.selection_type in _NOTABLE:
        yield action_pb2.SelectionType.Name(proposition.selection_type).rpartition("_")[2].lower()
    if proposition.treatment_id:
        yield proposition.treatment_id
    if proposition.send_at_unix_ms:
        yield f"send by {proposition.channel} at {_moment(proposition.send_at_unix_ms)}"
    for name in sorted(proposition.parameters):
        yield f"{name} = {_value(proposition.parameters[name])}"
    if proposition.expires_at_unix_ms:
        yield f"until {_moment(proposition.expires_at_unix_ms)}"


def _value(value: value_pb2.Value) -> str:
    kind = value.WhichOneof("kind")
    match kind:
        case "timestamp_unix_ms":
            return _moment(value.timestamp_unix_ms)
        case "string_list":
            return ", ".join(value.string_list.values)
        case "int_value" | "double_value":
            return f"{getattr(value, kind):,}"
        case _:
            return str(getattr(value, kind or "string_value"))


def _footer(response: decision_pb2.DecideResponse) -> str:
    timing, versions = response.timing, response.versions
    return (
        f"decision {response.decision_id} at {_moment(response.decided_at_unix_ms)}, "
        f"model {versions.model or 'none'}, catalog {versions.catalog}, rules {versions.ruleset}\n"
        f"server time {timing.total_us / 1000:.2f} ms: read {timing.read_us}, screen {timing.screen_us}, "
        f"score {timing.score_us}, arbitrate {timing.arbitrate_us}, explain {timing.explain_us}, "
        f"render {timing.render_us} µs"
    )


def _moment(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
