"""Functions over the contact history, for use in any condition."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from nextbest_rules.cel.kinds import INT, TIMESTAMP
from nextbest_rules.cel.overloads import Overload, Overloads
from nextbest_rules.cel.times import timestamp_of_ms
from nextbest_rules.cel.values import Duration, Timestamp, Unevaluable
from nextbest_rules.records import Contact

_NO_CONTACT: Final = Unevaluable("there is no such contact")


def _chosen(contacts: Iterable[Contact], action: str, channel: str, outcome: str) -> Iterator[Contact]:
    """Yield the contacts with this action, channel and outcome, where an empty text means any."""
    return (
        contact
        for contact in contacts
        if (not outcome or contact.outcome == outcome)
        and (not action or contact.action == action)
        and (not channel or contact.channel == channel)
    )


def _count(contacts: Sequence[Contact], action: str, channel: str, outcome: str) -> int:
    return sum(1 for _ in _chosen(contacts, action, channel, outcome))


def _count_within(
    contacts: Sequence[Contact], now: Timestamp, action: str, channel: str, outcome: str, within: Duration
) -> int:
    earliest = int(now) - int(within)
    chosen = _chosen(contacts, action, channel, outcome)
    return sum(1 for contact in chosen if contact.at_ms * 1_000_000 > earliest)


def _last(contacts: Sequence[Contact], action: str, channel: str, outcome: str) -> Timestamp | Unevaluable:
    newest = max((contact.at_ms for contact in _chosen(contacts, action, channel, outcome)), default=None)
    return _NO_CONTACT if newest is None else timestamp_of_ms(newest)


_TEXTS: Final = ("string", "string", "string")
OVERLOADS: Overloads = {
    ("count", ("list", *_TEXTS)): Overload(INT, _count),
    ("count", ("list", "timestamp", *_TEXTS, "duration")): Overload(INT, _count_within),
    ("last", ("list", *_TEXTS)): Overload(TIMESTAMP, _last),
}
