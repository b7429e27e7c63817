"""Who goes first when not everybody can be answered."""

from collections.abc import Mapping
from enum import StrEnum

PRIORITY = "nextbest-priority"
"""The metadata by which a call gives way to others. Nobody gets ahead by it."""


class Priority(StrEnum):
    """How urgent a caller's questions are, the most urgent first."""

    CONTACT_CENTRE = "contact_centre"
    """A person is on the line."""
    WEB = "web"
    """A person waits for a page."""
    BULK = "bulk"
    """Nobody waits: campaigns, tests under load."""


RANKS: Mapping[Priority, int] = {priority: rank for rank, priority in enumerate(Priority)}


def humbler(one: Priority, other: Priority) -> Priority:
    """Return the less urgent of two."""
    return max(one, other, key=RANKS.__getitem__)
