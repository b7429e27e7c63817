"""The catalog as everything downstream sees it: immutable, checked, complete."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from nextbest_rules.declarations import Schema, ValueType

AttributeValue: TypeAlias = str | int | float | bool
PlainData: TypeAlias = "dict[str, PlainData] | list[PlainData] | str | int | float | bool | None"


class ActionType(StrEnum):
    """What kind of thing an action is."""

    OFFER = "OFFER"
    SERVICE = "SERVICE"
    INFORMATION = "INFORMATION"


class Direction(StrEnum):
    """Who starts the contact."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class UnknownMode(StrEnum):
    """What a rule does with an action when its condition cannot be evaluated."""

    DENY = "deny"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing we can do.

    Valid from `valid_from_ms` (inclusive) until `valid_until_ms` (exclusive), Unix milliseconds; None is
    open. `channels` None means every channel. `affinity` gives, per family, the keys with their weights.
    `content` is plain JSON-able data; treat it as read-only.
    """

    id: str
    type: ActionType
    issue: str
    group: str
    title: str
    value: float
    lever: float
    starting_propensity: float | None
    valid_from_ms: int | None
    valid_until_ms: int | None
    channels: frozenset[str] | None
    attributes: Mapping[str, AttributeValue]
    affinity: Mapping[str, tuple[tuple[str, float], ...]]
    content: dict[str, PlainData] | None


@dataclass(frozen=True, slots=True)
class Placement:
    """A slot of a surface that asks."""

    id: str
    title: str
    channel: str
    direction: Direction
    accepts: frozenset[ActionType]
    default_limit: int
    max_limit: int

    def takes(self, action: Action) -> bool:
        """Tell whether the action's type and channels fit this placement."""
        return action.type in self.accepts and (action.channels is None or self.channel in action.channels)


@dataclass(frozen=True, slots=True)
class FeatureDeclaration:
    """One feature. `definition` is plain data for the models; `default` None means missing."""

    name: str
    source: str
    definition: dict[str, PlainData]
    default: float | None
    description: str


@dataclass(frozen=True, slots=True)
class AffinityDeclaration:
    """One family of sparse counters. `definition` is plain data for the models."""

    family: str
    definition: dict[str, PlainData]
    description: str


@dataclass(frozen=True, slots=True)
class Selector:
    """Which actions a rule applies to: an action must match every part that is not None."""

    types: frozenset[str] | None = None
    issues: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    attributes: Mapping[str, frozenset[AttributeValue]] | None = None

    def selects(self, action: Action) -> bool:
        """Tell whether the rule applies to `action`."""
        fields = (
            (self.types, action.type),
            (self.issues, action.issue),
            (self.groups, action.group),
            (self.actions, action.id),
        )
        if any(allowed is not None and value not in allowed for allowed, value in fields):
            return False
        wanted = self.attributes or {}
        return all(action.attributes.get(name) in values for name, values in wanted.items())


@dataclass(frozen=True, slots=True)
class EligibilityRule:
    """A condition that an action needs in order to be offered at all."""

    id: str
    applies_to: Selector
    require: str
    reason: str
    when_unknown: UnknownMode


@dataclass(frozen=True, slots=True)
class Policies:
    """The rules of a catalog by stage, each in the order of the file."""

    eligibility: tuple[EligibilityRule, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything business people own. An action's index in `actions` is its bit in every bitmask."""

    name: str
    title: str
    description: str
    version: str
    clock_ms: int | None
    channels: tuple[str, ...]
    action_attributes: Mapping[str, ValueType]
    actions: tuple[Action, ...]
    index: Mapping[str, int]
    placements: Mapping[str, Placement]
    features: tuple[FeatureDeclaration, ...]
    affinities: tuple[AffinityDeclaration, ...]
    facts: Schema
    context: Schema
    policies: Policies
    warnings: tuple[str, ...]
