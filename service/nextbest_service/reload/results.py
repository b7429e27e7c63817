"""What can be loaded anew, and how that went."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Protocol

from nextbest_service.reload.findings import Finding


class Target(StrEnum):
    """What can be loaded anew."""

    CATALOG = "catalog"
    MODEL = "model"
    CERTIFICATES = "certificates"
    CALLERS = "callers"


class Outcome(StrEnum):
    """How a reload ended."""

    SWAPPED = "swapped"
    UNCHANGED = "unchanged"
    VALID = "valid"
    """It was only to be checked, and could serve."""
    REFUSED = "refused"
    POSTPONED = "postponed"
    """The store did not answer; nothing is known against what was to be loaded."""


class Reload(NamedTuple):
    """How a reload ended, and everything found, errors first."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()


class Prepared(NamedTuple):
    """What a part beside catalog and models has ready. `swap` brings it into use, and does not fail."""

    findings: tuple[Finding, ...]
    changed: bool
    swap: Callable[[], None]


class Reloadable(Protocol):
    """A part beside catalog and models that can be loaded anew: certificates, callers."""

    async def prepare(self) -> Prepared:
        """Load and check what is there now, and swap nothing."""
