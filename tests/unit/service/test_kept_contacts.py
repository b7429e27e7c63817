"""Contacts in a record: the same from columns as from rows."""

import pytest

from nextbest_rules.contacts import Contacts
from nextbest_rules.records import Contact
from nextbest_service.decision_log.contact_rows import FIELDS, contact_rows, kept_contacts
from nextbest_service.store.contact_codec import decode_contacts
from nextbest_service.store.record_codec import encode_records

MOST = 20


def history(count: int) -> Contacts:
    """Return a history as it is read from the store, newest first."""
    return decode_contacts(
        encode_records(
            "contacts",
            [
                Contact(
                    f"a{number % 3}", "DISPLAYED", 1_000_000 - 7 * number, "web", "north",
                    type="OFFER", issue="sales", group=f"g{number % 2}", decision=f"{number:032x}",
                )
                for number in range(count)
            ],
        )
    )  # fmt: skip


def told(kept: object) -> list[tuple[object, ...]]:
    """Return the rows that a record tells."""
    assert isinstance(kept, tuple)
    return [tuple(row) for row in (kept[0] if len(kept) == 1 else contact_rows(*kept))]


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 100])
def test_the_first_contacts_are_kept_field_by_field(count: int) -> None:
    contacts = history(count)
    expected = [tuple(getattr(contact, field) for field in FIELDS) for contact in contacts[:MOST]]
    assert told(kept_contacts(contacts, MOST)) == expected
    assert told(kept_contacts(tuple(contacts), MOST)) == expected


def test_a_reservation_among_them_is_kept() -> None:
    held = Contact("a9", "RESERVED", 999_990, "app")
    contacts = history(5).joined([held])
    kept = told(kept_contacts(contacts, MOST))
    assert len(kept) == 6
    assert kept[2] == ("a9", "RESERVED", 999_990, "app", "")


def test_columns_are_kept_where_nobody_was_added() -> None:
    assert len(kept_contacts(history(5), MOST)) > 1
    assert len(kept_contacts(history(21), MOST)) == 1
