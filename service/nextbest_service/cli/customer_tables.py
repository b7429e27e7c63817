"""How customers look on a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from nextbest.v1 import customer_pb2, outcome_pb2, profile_pb2, value_pb2
from nextbest_service.store.statistics import CustomerStatistics, Sizes

_PER_FAMILY = 5


def print_customer(console: Console, customer: customer_pb2.Customer) -> None:
    """Print what is known of a customer, in parts; empty ones are left out."""
    names = ", ".join(f"{identity.namespace}:{identity.id}" for identity in customer.identities)
    console.print(names, style="bold", markup=False, highlight=False)
    segments = f"segments: {', '.join(customer.segments)}   " if customer.segments else ""
    console.print(f"{segments}updated: {_time(customer.updated_at_unix_ms)}", style="dim", highlight=False)
    attributes = sorted(customer.attributes.items())
    _print(console, "Attributes", ("name", "value"), [(name, _value(value)) for name, value in attributes])
    _print(console, "Consents", ("channel", "purpose", "word", "at"), map(_consent, customer.consents))
    _print(console, "Features", ("name", "value", "as of"), map(_feature, customer.features))
    _print(
        console, "Tickets", ("id", "state", "severity", "opened", "closed"), map(_ticket, customer.tickets)
    )
    _print(console, "Affinities", ("family", "key", "count", "last"), _affinities(customer.affinities))
    _print(
        console, "Contacts", ("at", "action", "what", "channel", "brand"), map(_contact, customer.contacts)
    )


def print_statistics(console: Console, statistics: CustomerStatistics) -> None:
    """Print what customers take in memory."""
    console.print(
        f"{statistics.persons:,} customers, {statistics.pointers:,} further names; "
        f"about {statistics.estimated_bytes / 1e6:,.1f} MB in all",
        highlight=False,
    )
    rows = [("one customer", statistics.person), *statistics.parts.items(), ("overhead", statistics.overhead)]
    table = _table(
        f"Bytes each, of {statistics.sampled:,} measured", ("part", "median", "p90", "max", "mean")
    )
    for name, sizes in rows:
        table.add_row(name, *_sizes(sizes))
    console.print(table)


def plain_statistics(statistics: CustomerStatistics) -> dict[str, object]:
    """Return the statistics fit for JSON."""
    return {**asdict(statistics), "estimated_bytes": statistics.estimated_bytes}


def _print(console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    listed = [*rows]
    if not listed:
        return
    table = _table(title, columns)
    for row in listed:
        table.add_row(*row)
    console.print(table)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _sizes(sizes: Sizes) -> tuple[str, str, str, str]:
    return f"{sizes.median:,}", f"{sizes.p90:,}", f"{sizes.max:,}", f"{sizes.mean:,.0f}"


def _value(value: value_pb2.Value) -> str:
    kind = value.WhichOneof("kind")
    if kind == "timestamp_unix_ms":
        return _time(value.timestamp_unix_ms)
    if kind == "string_list":
        return ", ".join(value.string_list.values)
    return str(getattr(value, kind)) if kind else ""


def _consent(consent: profile_pb2.Consent) -> tuple[str, str, str, str]:
    word = "yes" if consent.state == profile_pb2.CONSENT_STATE_GRANTED else "no"
    return consent.channel or "every", consent.purpose or "every", word, _time(consent.time_unix_ms)


def _feature(feature: customer_pb2.FeatureState) -> tuple[str, str, str]:
    value = f"{feature.value:g}" if feature.HasField("value") else "missing"
    return feature.name, value, _time(feature.as_of_unix_ms) + (" (too old)" if feature.stale else "")


def _ticket(ticket: customer_pb2.Ticket) -> tuple[str, str, str, str, str]:
    state = "open" if ticket.open else "closed"
    opened, closed = _time(ticket.opened_at_unix_ms), _time(ticket.closed_at_unix_ms)
    return ticket.id, state, ticket.severity, opened, closed


def _affinities(affinities: Iterable[customer_pb2.AffinityState]) -> Iterable[tuple[str, str, str, str]]:
    """Yield the strongest few of each family; they come strongest first."""
    shown: dict[str, int] = {}
    for affinity in affinities:
        shown[affinity.family] = shown.get(affinity.family, 0) + 1
        if shown[affinity.family] <= _PER_FAMILY:
            day = _time(affinity.last_at_unix_ms)[:10]
            yield affinity.family, affinity.key, str(affinity.count), day


def _contact(contact: customer_pb2.Contact) -> tuple[str, str, str, str, str]:
    name = outcome_pb2.OutcomeType.Name(contact.outcome).removeprefix("OUTCOME_TYPE_").lower()
    what = "reserved" if contact.reserved else name
    return _time(contact.time_unix_ms), contact.action_id, what, contact.channel, contact.brand


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S") if time_ms else ""
