"""Entries of the decision log as lines: for people, and as JSON."""

import json
from collections.abc import Mapping

from rich.markup import escape

from nextbest_service.decision_log.entries import Entry, Kind, LogFormatError
from nextbest_service.decision_log.gaps import Gap, read_erasure, read_gap
from nextbest_service.decision_log.logged_decision import LoggedDecision
from nextbest_service.decision_log.outcomes import LoggedOutcome, read_outcome
from nextbest_service.decision_log.plain import (
    customer_name,
    moment,
    plain_decision,
    plain_gap,
    plain_outcome,
)
from nextbest_service.decision_log.source import LogSource


def line(source: LogSource, entry: Entry) -> str:
    """Return an entry as one line, in rich's markup."""
    try:
        match entry.kind:
            case Kind.DECISION:
                return _decision(source.decision(entry))
            case Kind.OUTCOME:
                return _outcome(read_outcome(entry))
            case Kind.GAP:
                return _gap(read_gap(entry))
            case Kind.ERASURE:
                return f"{moment(read_erasure(entry).at_ms)}  [magenta]erasure[/]"
    except LogFormatError as error:
        return f"[bold red]{escape(str(error))}[/]"


def json_line(source: LogSource, entry: Entry) -> str:
    """Return an entry as one JSON object."""
    try:
        content = _plain(source, entry)
    except LogFormatError as error:
        content = {"error": str(error)}
    return json.dumps(
        {"kind": entry.kind.name.lower(), "place": entry.place, **content},
        ensure_ascii=False,
        allow_nan=False,
    )


def _plain(source: LogSource, entry: Entry) -> Mapping[str, object]:
    match entry.kind:
        case Kind.DECISION:
            return plain_decision(source.decision(entry))
        case Kind.OUTCOME:
            return plain_outcome(read_outcome(entry))
        case Kind.GAP:
            return plain_gap(read_gap(entry))
        case Kind.ERASURE:
            return {"at": moment(read_erasure(entry).at_ms)}


def _decision(decision: LoggedDecision) -> str:
    offers = ", ".join(
        f"{placement.placement}: {' > '.join(offered.action for offered in placement.offered) or 'nothing'}"
        for placement in decision.placements
    )
    when, who = moment(decision.decided_at_ms), customer_name(decision.customer)
    degraded = f"  [red]{' '.join(decision.degraded)}[/]" if decision.degraded else ""
    return (
        f"{when}  [bold]decision[/] {decision.id}  {who}  [green]{escape(offers)}[/]"
        f"  of {len(decision.competition.rows)}{degraded}"
    )


def _outcome(outcome: LoggedOutcome) -> str:
    return (
        f"{moment(outcome.at_ms)}  [cyan]{outcome.type}[/] {escape(outcome.action)}  of {outcome.decision}"
        f"  {customer_name(outcome.customer)}"
    )


def _gap(gap: Gap) -> str:
    return f"{moment(gap.from_ms)}  [bold red]gap[/] {gap.lost:,} records lost: {gap.reason}"
