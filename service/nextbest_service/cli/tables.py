"""How answers look on a terminal."""

import json
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2, value_pb2

_EVERY = 250
"""Up to so many exclusions, each action is named; a screenful of more helps nobody."""
_NAMED = 5
_NOTABLE = (action_pb2.SELECTION_TYPE_PINNED, action_pb2.SELECTION_TYPE_FALLBACK)


def print_decision(console: Console, response: decision_pb2.DecideResponse) -> None:
    """Print the propositions of every placement with their factors and, where given, the exclusions."""
    for placement in response.placements:
        console.print(propositions_table(placement))
        if any(map(_details, placement.propositions)):
            console.print(details_table(placement), "")
        if any(it.HasField("explanation") for it in placement.propositions):
            console.print(explanations_table(placement), "")
    if response.exclusions:
        console.print(exclusions_table(response.exclusions), "")
    for degradation in response.degraded:
        console.print(f"degraded: {degradation.reason}", style="yellow")
    if not response.customer_known:
        console.print("This customer is not known: declared defaults were used.", style="yellow")
    console.print(_footer(response), style="dim", highlight=False)


def propositions_table(
    placement: proposition_pb2.PlacementDecision, marked: Container[str] = frozenset()
) -> Table:
    """Return the propositions of one placement, best first, with factors; `marked` actions get a tick."""
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
            title_of(proposition),
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


def details_table(placement: proposition_pb2.PlacementDecision) -> Table:
    """Return how and until when to show each proposition, and what was computed for the customer."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", min_width=6)
    table.add_column(overflow="fold", style="dim")
    for proposition in placement.propositions:
        if details := _details(proposition):
            table.add_row(str(proposition.rank), ", ".join(details))
    return table


def explanations_table(placement: proposition_pb2.PlacementDecision) -> Table:
    """Return why each proposition stands where it stands, in sentences; features with their log-odds."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.title = f"Why these in {placement.placement_id}"
    table.title_justify, table.title_style = "left", "bold"
    table.add_column(justify="right", min_width=6)
    table.add_column(overflow="fold")
    for proposition in placement.propositions:
        moved = {it.words: it.log_odds for it in proposition.explanation.contributions}
        table.add_row(str(proposition.rank), Text(proposition.action_id, style="cyan"))
        for sentence in proposition.explanation.sentences:
            table.add_row("", _sentence(sentence, moved.get(sentence)))
    return table


def _sentence(sentence: str, log_odds: float | None) -> Text:
    """Return a sentence; that about a feature with what it did to the log-odds."""
    if log_odds is None:
        return Text(sentence)
    colour = "green" if log_odds > 0 else "red"
    return Text(f"  {log_odds:+.2f}  ", style=colour).append(sentence, style="default")


def exclusions_table(exclusions: Sequence[proposition_pb2.Exclusion]) -> Table:
    """Return why actions were left out, step by step: every one of them, or of very many a few by rule."""
    groups: dict[tuple[int, str, str, str], list[proposition_pb2.Exclusion]] = {}
    for exclusion in exclusions:
        key = (exclusion.stage, exclusion.rule_id, exclusion.reason, exclusion.placement_id)
        groups.setdefault(key, []).append(exclusion)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.title = f"Why {len(exclusions):,} others were left out"
    if len(exclusions) > _EVERY:
        table.title += " (a few by each rule; --json names every one)"
    table.title_justify, table.title_style = "left", "bold"
    table.add_column(justify="right", min_width=6)
    table.add_column(overflow="fold")
    for (stage, *_), members in sorted(groups.items(), key=lambda group: (group[0][0], -len(group[1]))):
        table.add_row(f"{len(members):,}", _rule(members[0], action_pb2.Stage.Name(stage)))
        if len(exclusions) > _EVERY:
            table.add_row("", _examples(members))
        else:
            for alike in _by_finding(members):
                table.add_row("", _finding(", ".join(member.action_id for member in alike), "", alike[0]))
    return table


def _by_finding(
    members: Sequence[proposition_pb2.Exclusion],
) -> Iterable[Sequence[proposition_pb2.Exclusion]]:
    """Return the exclusions by one rule in groups that saw, want and await the same."""
    alike: dict[tuple[str, str, int], list[proposition_pb2.Exclusion]] = {}
    for member in members:
        key = (member.actual, member.required, member.eligible_at_unix_ms)
        alike.setdefault(key, []).append(member)
    return alike.values()


def _rule(exclusion: proposition_pb2.Exclusion, stage: str) -> Text:
    text = Text(stage.removeprefix("STAGE_").lower().replace("_", " "), style="bold")
    text.append(f": {exclusion.rule_id}" if exclusion.rule_id else "")
    text.append(f" in {exclusion.placement_id}" if exclusion.placement_id else "")
    return text.append(f"  {exclusion.reason}", style="not bold")


def _examples(members: Sequence[proposition_pb2.Exclusion]) -> Text:
    """Return the names of the first, and what the rule saw of the very first."""
    names = [member.action_id for member in members[:_NAMED]]
    more = f" and {len(members) - len(names):,} more" if len(members) > len(names) else ""
    return _finding(", ".join(names), more, members[0])


def _finding(names: str, more: str, example: proposition_pb2.Exclusion) -> Text:
    text = Text(names, style="cyan").append(more, style="default")
    details = [("is", example.actual), ("needs", example.required)]
    if example.eligible_at_unix_ms:
        details.append(("again", f"from {_moment(example.eligible_at_unix_ms)}"))
    for label, detail in details:
        if detail:
            text.append(f"\n{label:<6}{detail}", style="dim default")
    return text


def title_of(proposition: proposition_pb2.Proposition) -> str:
    """Return what to call an offer."""
    content = json.loads(proposition.content_json) if proposition.content_json else {}
    return str(content.get("title", ""))


def _details(proposition: proposition_pb2.Proposition) -> list[str]:
    details = []
    if proposition.selection_type in _NOTABLE:
        details.append(action_pb2.SelectionType.Name(proposition.selection_type).rpartition("_")[2].lower())
    if proposition.maturity == action_pb2.MATURITY_POOLED:
        details.append("P pooled from what is alike")
    if proposition.treatment_id:
        details.append(f"as {proposition.treatment_id}")
    if proposition.send_at_unix_ms:
        details.append(f"by {proposition.channel} at {_moment(proposition.send_at_unix_ms)}")
    parameters = proposition.parameters
    details += [f"{name} = {_value(parameters[name])}" for name in sorted(parameters)]
    if proposition.expires_at_unix_ms:
        details.append(f"until {_moment(proposition.expires_at_unix_ms)}")
    return details


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
    arms = "".join(f"experiment {it.experiment_id}: {it.arm}\n" for it in response.arms)
    return (
        f"{arms}decision {response.decision_id} at {_moment(response.decided_at_unix_ms)}, "
        f"model {versions.model or 'none'}, catalog {versions.catalog}, rules {versions.ruleset}\n"
        f"server time {timing.total_us / 1000:.2f} ms: read {timing.read_us}, screen {timing.screen_us}, "
        f"score {timing.score_us}, arbitrate {timing.arbitrate_us}, explain {timing.explain_us}, "
        f"render {timing.render_us} µs"
    )


def _moment(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
