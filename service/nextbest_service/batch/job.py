"""What a batch asks, and where: all that a process needs to decide any part of it. Can be sent to others."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nextbest_service.bulk.mapping import Mapping
from nextbest_service.clock import Clock
from nextbest_service.home import Home

MAX_NAME_BYTES = 40


class CampaignError(Exception):
    """Nobody can be asked this; the message names what is wrong with the campaign."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is asked for every customer; rows may say more of themselves.

    `context` is texts by key. Empty `candidates` are the whole catalog, a `limit` of 0 is the placement's.
    With `commit` limits are reserved, decisions are logged and propositions get tokens; without, nothing is
    changed.
    """

    placement: str
    limit: int = 0
    channel: str = ""
    brand: str = ""
    goal: str = ""
    locale: str = ""
    context: tuple[tuple[str, str], ...] = ()
    candidates: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    content: bool = True
    explain: bool = False
    commit: bool = False

    @property
    def digest(self) -> str:
        """32 hex digits that change with anything that is asked."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Feast:
    """Where features are read from that are kept elsewhere. The URL may carry a password."""

    mapping: Path
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Job:
    """One batch. `name` is what its request ids begin with; `store_url` may carry a password."""

    name: str
    campaign: Campaign
    catalog: str
    home: Home
    store_url: str = field(repr=False)
    mapping: Mapping = field(hash=False)
    clock: Clock
    model: Path | None = None
    feast: Feast | None = None

    def request_id(self, line: int) -> str:
        """Return the request id of a row: the same whenever the batch runs."""
        return f"{self.name}-{line}"
