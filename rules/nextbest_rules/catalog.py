"""The catalog as everything downstream sees it: immutable, checked, complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from nextbest_rules.declarations import Schema, ValueType
from nextbest_rules.durations import DAY_MS
from nextbest_rules.policies import ConditionRule, Policies, Selector
from nextbest_rules.records import Outcome
from nextbest_rules.terms import ActionType, Direction, ExplorationMethod

AttributeValue: TypeAlias = str | int | float | bool
PlainData: TypeAlias = "dict[str, PlainData] | list[PlainData] | str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Formula:
    """A checked CEL expression that is computed per customer."""

    source: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Products and categories, by the names that purchases and tickets use."""

    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Window:
    """A time of validity: from `from_ms` (inclusive) until `until_ms` (exclusive), Unix ms; None is open."""

    from_ms: int | None
    until_ms: int | None

    def holds(self, now_ms: int) -> bool:
        """Tell whether `now_ms` lies in the window."""
        return (self.from_ms is None or self.from_ms <= now_ms) and (
            self.until_ms is None or now_ms < self.until_ms
        )


@dataclass(frozen=True, slots=True)
class Treatment:
    """How an action looks on some channels and in some locales; None means all of them.

    `parameters` are computed for the customer. `valid_for_ms` counts from the decision.
    """

    id: str
    channels: frozenset[str] | None
    locales: tuple[str, ...] | None
    content: dict[str, PlainData] | None
    parameters: Mapping[str, Formula]
    valid_for_ms: int | None


@dataclass(frozen=True, slots=True)
class Action:
    """One thing we can do.

    `valid` are its windows in the order of time, apart from each other; none means always. `channels` and
    `brands` None mean every one. `sells` is what a purchase makes pointless; `about` is what the action
    deals with, and includes `sells`. `affinity` gives, per family, the keys with their weights. `content` is
    plain JSON-able data; treat it as read-only. `volume_cap` limits the contacts with the whole population;
    None is no limit and 0 is none at all. `rules` are the action's own conditions.
    """

    id: str
    type: ActionType
    issue: str
    group: str
    title: str
    value: float | Formula
    lever: float
    starting_propensity: float | None
    valid: tuple[Window, ...]
    channels: frozenset[str] | None
    attributes: Mapping[str, AttributeValue]
    affinity: Mapping[str, tuple[tuple[str, float], ...]]
    content: dict[str, PlainData] | None
    tags: frozenset[str] = frozenset()
    brands: frozenset[str] | None = None
    sells: Subject = Subject()
    about: Subject = Subject()
    treatments: tuple[Treatment, ...] = ()
    valid_for_ms: int | None = None
    volume_cap: int | None = None
    rules: tuple[ConditionRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Exploration:
    """How a placement tries what is not known to be best.

    `method` is epsilon_greedy: with probability `share` any of those that may stand there; or thompson: each
    as often as it may be the best, by how little is known of it, and with probability `share` any. At most
    `regret` of the best priority is given up on average, so where the others are much worse less is tried.
    """

    method: ExplorationMethod
    share: float
    regret: float


@dataclass(frozen=True, slots=True)
class Diversity:
    """How many actions of one issue, and of one group, a placement shows at most; None is any number."""

    issue: int | None = None
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """A slot of a surface that asks.

    A placement with several channels leaves the choice to us: `channel_weights` says how much each one suits
    the customer, and a weight of 0 or less rules it out. `best_hour` is the hour of the customer's day (0 to
    23) at which to send. `fallback` is offered when nothing else may be. What it proposes is reserved for
    `hold_ms`; None is as long as the catalog's memory says.
    """

    id: str
    title: str
    channels: tuple[str, ...]
    direction: Direction
    accepts: frozenset[ActionType]
    default_limit: int
    max_limit: int
    channel_weights: Mapping[str, Formula] = field(default_factory=dict)
    best_hour: Formula | None = None
    time_zone: Formula | None = None
    fallback: str | None = None
    hold_ms: int | None = None
    diversity: Diversity = Diversity()
    exploration: Exploration | None = None


@dataclass(frozen=True, slots=True)
class FeatureDeclaration:
    """One feature. `definition` is plain data for the models; `default` None means missing.

    A value older than `max_age_ms` is stale: then its default stands in, or with `fail_closed` nothing does.
    """

    name: str
    source: str
    definition: dict[str, PlainData]
    default: float | None
    description: str
    unit: str = ""
    max_age_ms: int | None = None
    fail_closed: bool = False


@dataclass(frozen=True, slots=True)
class AffinityDeclaration:
    """One family of sparse counters. `definition` is plain data for the models."""

    family: str
    definition: dict[str, PlainData]
    description: str


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event: what it may tell and what it does to what is known of a customer.

    A `recorded` one is kept as an Event record, which rules read. It may be the end of earlier records of the
    type `ends` with the same subject. `sets` gives, per fact, where its value comes from: subject, time,
    channel, brand, amount (of all items) or properties.<name>; `clears` are the facts that are not known any
    more then. One that `answers` sets the fact that its subject names to its property `answer`, which is of
    that fact's type. An `internal` one is never sent from outside.
    """

    type: str
    description: str
    properties: Mapping[str, ValueType]
    recorded: bool
    ends: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)
    clears: frozenset[str] = frozenset()
    answers: bool = False
    internal: bool = False


@dataclass(frozen=True, slots=True)
class StreamDeclaration:
    """A sequence of events that features count: those of its types, and outcomes, that match `where`.

    `where` gives accepted texts per channel, brand, subject or properties.<name>. `values` gives, per name of
    a value, where it comes from: items.amount, items.quantity (sums over the items), items.count, amount (of
    an outcome, or of all items), properties.<name> (true is 1, false 0), subject, channel or brand. Texts are
    for features that count different ones.
    """

    name: str
    events: frozenset[str]
    outcomes: frozenset[Outcome]
    where: Mapping[str, frozenset[str]]
    values: Mapping[str, str]
    description: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """A kind of identity, its name in lower case.

    `fold_case` makes ids that differ in case one. Of a `one_per_person` namespace a person has one id only.
    An `anonymous` one names a device rather than a person.
    """

    name: str
    fold_case: bool = False
    one_per_person: bool = False
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A condition with memory: entering and leaving are events. Of a `group` the last that holds counts."""

    id: str
    when: str
    group: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """How long things are remembered, in milliseconds.

    `hold_ms`: a reservation, and the answer to a repeated request. `late_outcomes_ms`: a token's life.
    `late_events_ms`: how far behind a person's newest event one still counts. `settle_ms`: how long an event
    can be taken back when two names turn out to be one person; those under anonymous names as long as late
    events. `keep` goes, per part (tickets, purchases, events, contacts), before what rules are found to need.
    """

    hold_ms: int = 15 * 60_000
    late_outcomes_ms: int = 30 * DAY_MS
    late_events_ms: int = 60 * DAY_MS
    settle_ms: int = 2 * DAY_MS
    keep: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lever:
    """A factor on the priority of some actions."""

    applies_to: Selector
    lever: float


@dataclass(frozen=True, slots=True)
class Emphasis:
    """A goal or a brand: its id and the levers that hold while it is in force."""

    id: str
    title: str
    levers: tuple[Lever, ...]


@dataclass(frozen=True, slots=True)
class Holdout:
    """A part of the people who do without some actions, so that it shows what these actions bring."""

    id: str
    applies_to: Selector
    share: float
    reason: str
    valid: Window
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to treat a part of the people: by another ranker, with other levers, without some actions.

    An empty `ranker` is the usual one, `withhold` None keeps nothing back.
    """

    id: str
    share: float
    ranker: str = ""
    levers: tuple[Lever, ...] = ()
    withhold: Selector | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """Arms that are compared. Their shares are parts of all people; who is in none is treated as ever."""

    id: str
    arms: tuple[Arm, ...]
    valid: Window
    description: str = ""
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A ranker that scores a share of the decisions for the log only."""

    ranker: str
    share: float


@dataclass(frozen=True, slots=True)
class Experimentation:
    """Everything that is tried out on parts of the people or beside the answers."""

    holdouts: tuple[Holdout, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    shadows: tuple[Shadow, ...] = ()

    @property
    def rankers(self) -> frozenset[str]:
        """The rankers that are named: names of models in use, and `static`."""
        arms = (arm.ranker for experiment in self.experiments for arm in experiment.arms if arm.ranker)
        return frozenset((*arms, *(shadow.ranker for shadow in self.shadows)))


@dataclass(frozen=True, slots=True)
class NamedCondition:
    """A condition that others use as `conditions.<name>`."""

    name: str
    when: str
    description: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything business people own. An action's index in `actions` is its bit in every bitmask.

    `goals` and `brands` are by id. `locales` are language tags, the default first. `events` are by type and
    include those that every catalog knows. `namespaces` begin with the strongest.
    """

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
    purposes: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    brands: Mapping[str, Emphasis] = field(default_factory=dict)
    default_brand: str = ""
    goals: Mapping[str, Emphasis] = field(default_factory=dict)
    default_goal: str = ""
    conditions: tuple[NamedCondition, ...] = ()
    events: Mapping[str, EventType] = field(default_factory=dict)
    streams: tuple[StreamDeclaration, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    segments: tuple[Segment, ...] = ()
    memory: Memory = Memory()
    experimentation: Experimentation = Experimentation()
