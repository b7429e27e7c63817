"""The contact history as records keep it: the first contacts, in the columns that they were read in."""

from collections.abc import Iterator, Sequence
from typing import Any

from nextbest_rules.contacts import SHARED, Contacts
from nextbest_rules.records import Contact

FIELDS = ("action", "outcome", "at_ms", "channel", "brand")
"""What is kept of a contact: what the catalog says of an action need not be repeated with each."""
_OWN = len(FIELDS)


def kept_contacts(contacts: Sequence[Contact], most: int) -> Sequence[Any]:
    """Return the first contacts: as columns where all of them are kept and nobody was added, else as rows."""
    if isinstance(contacts, Contacts) and len(contacts) <= most and contacts.at_ms is contacts.columns.at_ms:
        columns = contacts.columns
        return columns.texts, columns.cells, columns.combinations, columns.at_ms
    return ([contact[:_OWN] for contact in contacts[:most]],)


def contact_rows(
    texts: Sequence[str], cells: Sequence[int], combinations: Sequence[int] | None, at_ms: Sequence[int]
) -> Iterator[Sequence[object]]:
    """Yield the contacts that were kept as columns, each with its `FIELDS`."""
    for row, time_ms in enumerate(at_ms):
        begin = SHARED * (row if combinations is None else combinations[row])
        action, outcome, channel, brand = (texts[place] for place in cells[begin : begin + _OWN - 1])
        yield action, outcome, time_ms, channel, brand
