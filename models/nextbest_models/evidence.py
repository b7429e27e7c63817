"""Evidence: how often each action was shown, and how often something came of it, when a model was trained."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Kind(NamedTuple):
    """Where an action belongs, from the widest to the narrowest."""

    type: str = ""
    issue: str = ""
    group: str = ""


NO_KIND = Kind()
"""That of actions that do not tell: they are all alike."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of one action: how often it was shown, and how many of these had a positive outcome."""

    kind: Kind
    shown: int
    positive: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The tallies by action id. Actions that a catalog does not have any more still tell of their group."""

    tallies: Mapping[str, Tally] = field(default_factory=dict)

    @property
    def shown(self) -> int:
        """How often anything was shown."""
        return sum(tally.shown for tally in self.tallies.values())


NO_EVIDENCE = Evidence()


class Scope(StrEnum):
    """Of what a model must have seen enough before it ranks an action."""

    ACTION = "action"
    GROUP = "group"
    ISSUE = "issue"
    TYPE = "type"


class Graduation(BaseModel):
    """When an action's propensity comes from the model: once that learned from enough rows of its scope.

    A model that knows actions by their features alone may be trusted with new ones of a type it knows (scope
    `type`); one that knows them by their id may not (scope `action`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: Scope = Scope.ACTION
    exposures: int = Field(default=100, ge=1)


@dataclass(frozen=True, slots=True)
class Experience:
    """What a model has seen, and how much of that is enough for it to rank an action."""

    evidence: Evidence
    graduation: Graduation


class EvidenceError(ValueError):
    """Evidence was written by something else, or damaged."""


def count_evidence(
    ids: Sequence[str], kinds: Sequence[Kind], actions: NDArray[np.integer], positive: NDArray[np.bool_]
) -> Evidence:
    """Return the evidence of some rows.

    Args:
        ids: of all actions.
        kinds: of all actions.
        actions: per row, the position of its action.
        positive: per row, whether it had a positive outcome.
    """
    shown = np.bincount(actions, minlength=len(ids)).tolist()
    positives = np.bincount(actions[positive], minlength=len(ids)).tolist()
    counted = zip(ids, kinds, shown, positives, strict=True)
    return Evidence({id_: Tally(kind, rows, hits) for id_, kind, rows, hits in counted if rows})


class _TallyDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: str
    issue: str
    group: str
    shown: int
    positive: int


class _ExperienceDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    graduation: Graduation
    actions: dict[str, _TallyDocument]


def write_experience(experience: Experience) -> bytes:
    """Return an experience as JSON."""
    actions = {
        id_: _TallyDocument(**tally.kind._asdict(), shown=tally.shown, positive=tally.positive)
        for id_, tally in experience.evidence.tallies.items()
    }
    document = _ExperienceDocument(graduation=experience.graduation, actions=actions)
    return (document.model_dump_json(indent=1) + "\n").encode()


def read_experience(content: bytes) -> Experience:
    """Return the experience that was written as these bytes.

    Raises:
        EvidenceError: it is damaged, or counts what cannot be.
    """
    try:
        document = _ExperienceDocument.model_validate_json(content)
    except ValidationError as error:
        raise EvidenceError(f"evidence cannot be read: {error}") from error
    tallies = {
        id_: Tally(Kind(item.type, item.issue, item.group), item.shown, item.positive)
        for id_, item in document.actions.items()
    }
    if wrong := [id_ for id_, tally in tallies.items() if not 0 <= tally.positive <= tally.shown]:
        raise EvidenceError(f"more came of {wrong[0]} than was shown")
    return Experience(Evidence(tallies), document.graduation)


def by_level(evidence: Evidence, depth: int) -> Mapping[Kind, Tally]:
    """Return what evidence adds up to per type (depth 1), issue within type (2) or group within those (3)."""
    return _added((cut(tally.kind, depth), tally) for tally in evidence.tallies.values())


def nearest(evidence: Evidence, kind: Kind) -> Tally | None:
    """Return what the narrowest of group, issue and type adds up to of which anything was ever shown."""
    for depth in (3, 2, 1):
        own = cut(kind, depth)
        tallies = [tally for tally in evidence.tallies.values() if cut(tally.kind, depth) == own]
        if tallies:
            return Tally(own, sum(it.shown for it in tallies), sum(it.positive for it in tallies))
    return None


def cut(kind: Kind, depth: int) -> Kind:
    """Return the first parts of a kind: its type (depth 1), with its issue (2), with its group (3)."""
    return Kind(*kind[:depth])


def _added(tallies: Iterable[tuple[Kind, Tally]]) -> Mapping[Kind, Tally]:
    sums: dict[Kind, Tally] = {}
    for kind, tally in tallies:
        so_far = sums.get(kind, Tally(kind, 0, 0))
        sums[kind] = Tally(kind, so_far.shown + tally.shown, so_far.positive + tally.positive)
    return sums
