"""The policies of a catalog, as written: one immutable value per rule.

Every rule selects the actions it is about, names its reason, and says what happens where it cannot be
decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from nextbest_rules.records import Outcome
from nextbest_rules.terms import Direction, Stage, UnknownMode


@dataclass(frozen=True, slots=True)
class Selector:
    """Which actions a rule applies to: an action must match every part that is not None, and not `but_not`.

    Nothing given selects every action.
    """

    types: frozenset[str] | None = None
    issues: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    attributes: Mapping[str, frozenset[str | int | float | bool]] | None = None
    but_not: "Selector | None" = None


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """Actions that need the customer's word for a purpose, on the channel in use.

    `channels` None means every channel. A word older than `max_age_ms` counts no more.
    """

    id: str
    applies_to: Selector
    purpose: str
    directions: frozenset[Direction]
    channels: frozenset[str] | None
    max_age_ms: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class DoNotContact:
    """The customer asked to be left alone: while `when` holds, nothing of this kind goes out."""

    id: str
    applies_to: Selector
    when: str
    directions: frozenset[Direction]
    reason: str
    when_unknown: UnknownMode


class GuardScope(StrEnum):
    """Whether a guard holds all selected actions, or those about the products of its cause."""

    OVERALL = "overall"
    PRODUCT = "product"


@dataclass(frozen=True, slots=True)
class Promotion:
    """Actions that a guard brings forward while its cause lasts: by a lever, or pinned to the top."""

    applies_to: Selector
    lever: float = 1.0
    pin: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """Holds whole classes of actions while its cause lasts, and for `decay_ms` after it `ended`.

    `over` names the records that are looked at one by one (`tickets`, `purchases`, `events`); empty means
    that `when` is about the customer as a whole. `ended` is a CEL timestamp: when the cause ended. Only a
    cause that ended holds on through `decay_ms`.
    """

    id: str
    over: str
    when: str
    hold: Selector | None
    scope: GuardScope
    ended: str | None
    decay_ms: int
    promote: tuple[Promotion, ...]
    reason: str
    when_unknown: UnknownMode


@dataclass(frozen=True, slots=True)
class ConditionRule:
    """A condition that an action needs, in one of the tiers eligibility, applicability, suitability."""

    id: str
    stage: Stage
    applies_to: Selector
    require: str
    reason: str
    when_unknown: UnknownMode


class ProductKey(StrEnum):
    """What identifies that an action sells what the customer has: the product, or its category."""

    PRODUCT = "product"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class OwnedRule:
    """Leaves out what the customer has: as long as it is held, or for `window_ms` after it was bought."""

    id: str
    applies_to: Selector
    by: ProductKey
    window_ms: int | None
    reason: str
    when_unknown: UnknownMode


class Dimension(StrEnum):
    """What a cap counts by."""

    ACTION = "action"
    GROUP = "group"
    ISSUE = "issue"
    TYPE = "type"
    CHANNEL = "channel"
    BRAND = "brand"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` contacts in any `window_ms`, counted separately per combination of `per`.

    No dimension counts all contacts together. `counts` selects the contacts that count: those of the selected
    actions, on one of `channels` (None: any) and with one of `outcomes`; several outcomes of one proposition
    count once. 0 means never.
    """

    id: str
    applies_to: Selector
    counts: Selector
    per: frozenset[Dimension]
    outcomes: frozenset[Outcome]
    channels: frozenset[str] | None
    directions: frozenset[Direction]
    window_ms: int
    max: int
    reason: str
    when_unknown: UnknownMode


@dataclass(frozen=True, slots=True)
class QuietHours:
    """No contact between two times of the customer's day, in minutes after midnight; the end is exclusive.

    `until_minute` below `from_minute` goes over midnight. `time_zone` is a CEL text; where it has no value,
    `default_zone` holds, and if that is empty the rule cannot be decided. `days` are ISO weekdays (1 =
    Monday) on which the quiet time begins.
    """

    id: str
    applies_to: Selector
    channels: frozenset[str] | None
    directions: frozenset[Direction]
    from_minute: int
    until_minute: int
    days: frozenset[int]
    time_zone: str | None
    default_zone: str
    reason: str
    when_unknown: UnknownMode


@dataclass(frozen=True, slots=True)
class ExclusiveRule:
    """Of the selected actions at most one stands in an answer."""

    id: str
    applies_to: Selector
    reason: str


MOST_WEIGHT = 1e6
"""No single context weight is above this: the product of many stays a number."""


@dataclass(frozen=True, slots=True)
class ContextWeight:
    """A factor on some actions' priority while a condition holds: how well they fit the moment.

    `when` None is always. `weight` is a number above 0, or a formula in CEL. Where either has no usable value
    for a customer, the rule has no say: it stops nothing, so there is nothing to deny.
    """

    id: str
    applies_to: Selector
    when: str | None
    weight: float | str
    reason: str


@dataclass(frozen=True, slots=True)
class Policies:
    """The rules of a catalog by kind, each in the order of the file.

    `conditions` holds eligibility, then applicability, then suitability. A `declined` rule of the file is a
    cap of 1 over refusals.
    """

    consent: tuple[ConsentRule, ...] = ()
    do_not_contact: tuple[DoNotContact, ...] = ()
    guards: tuple[Guard, ...] = ()
    conditions: tuple[ConditionRule, ...] = ()
    owned: tuple[OwnedRule, ...] = ()
    caps: tuple[Cap, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    exclusive: tuple[ExclusiveRule, ...] = ()
    context_weights: tuple[ContextWeight, ...] = ()
