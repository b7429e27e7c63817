"""The compiled rules: one decision is a handful of table lookups and predicates over bitmasks of actions."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, Protocol

from nextbest_rules.bitmask import mask_where
from nextbest_rules.catalog import Action, Catalog
from nextbest_rules.context_weights import ContextWeights
from nextbest_rules.explanation import (
    Exclusion,
    Finding,
    Stop,
    Stopped,
    count_first_stops,
    first_stops,
    stop,
)
from nextbest_rules.expressions import Expressions
from nextbest_rules.formulas import Formulas
from nextbest_rules.reservations import asked_for
from nextbest_rules.retention import retention_of
from nextbest_rules.segments import Segments
from nextbest_rules.sight import RECORD_LISTS, Layout, Sight, View
from nextbest_rules.situation import Situation
from nextbest_rules.stages.availability import Availability
from nextbest_rules.stages.conditions import ConditionStages
from nextbest_rules.stages.consent import ConsentStage
from nextbest_rules.stages.contact_caps import ContactCaps
from nextbest_rules.stages.guards import Boost, GuardStage
from nextbest_rules.stages.holdouts import HoldoutStage
from nextbest_rules.stages.ownership import OwnershipStage
from nextbest_rules.stages.placements import Fit, PlacementStage, Surface
from nextbest_rules.stages.quiet_hours import QuietHoursStage
from nextbest_rules.stages.rooms import Room
from nextbest_rules.stages.volumes import VolumeCaps
from nextbest_rules.terms import ActionType, Stage

# Part of every rule set's version: raise it when the same catalog may screen differently than before.
_ENGINE = "3"


class StageRules(Protocol):
    """The rules of one kind, compiled."""

    @property
    def idle(self) -> bool:
        """Whether the catalog has no such rules."""

    def screen(self, live: int, view: View) -> int:
        """Return what these rules leave of the live actions."""

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what these rules stop, and why."""


class Screening(NamedTuple):
    """The outcome for one customer: bit i of `live` is set if `catalog.actions[i]` may be offered.

    `boosts` are what guards bring forward. `left` is what each of `RuleSet.stages` left, as far as the
    screening went: nothing is asked once nothing is left.
    """

    live: int
    boosts: tuple[Boost, ...] = ()
    left: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one catalog, compiled. Immutable and safe to share between requests.

    `reads` names the kinds of records that any rule looks at: nobody needs to load the others. `stages` are
    the kinds of rules that this catalog has, in the order in which they screen.
    """

    catalog: Catalog
    version: str
    formulas: Formulas
    context_weights: ContextWeights
    reads: frozenset[str]
    stages: tuple[str, ...]
    _sight: Sight
    _stages: tuple[StageRules, ...]
    _guards: GuardStage
    _placements: PlacementStage
    _type_masks: Mapping[ActionType, int]
    _caps: ContactCaps
    _asked_for: int
    _segments: Segments

    @classmethod
    def compile(cls, catalog: Catalog) -> "RuleSet":
        """Compile the rules of a loaded catalog."""
        layout = Layout(Expressions(catalog))
        guards, caps = GuardStage.of(catalog, layout), ContactCaps.of(catalog)
        # Cheap ones first, and those that stop much: what they leave decides what the others have to look at.
        stages: dict[str, StageRules] = {
            "availability": Availability.of(catalog),
            "consent": ConsentStage.of(catalog),
            "guards": guards,
            "conditions": ConditionStages.of(catalog, layout),
            "ownership": OwnershipStage.of(catalog),
            "contact_caps": caps,
            "quiet_hours": QuietHoursStage.of(catalog, layout),
            "volume_caps": VolumeCaps.of(catalog),
            # Last, so that what a holdout keeps back is known to have passed every rule.
            "holdouts": HoldoutStage.of(catalog),
        }
        formulas, weights = Formulas.of(catalog, layout), ContextWeights.of(catalog, layout)
        return cls(
            catalog=catalog,
            version=_version(catalog),
            formulas=formulas,
            context_weights=weights,
            reads=_reads(catalog, layout),
            stages=tuple(name for name, stage in stages.items() if not stage.idle),
            _sight=Sight.of(catalog, layout.slots),
            _stages=tuple(stage for stage in stages.values() if not stage.idle),
            _guards=guards,
            _placements=PlacementStage.of(catalog),
            _type_masks=MappingProxyType(
                {kind: mask_where(catalog.actions, partial(_is_of, action_type=kind)) for kind in ActionType}
            ),
            _caps=caps,
            _asked_for=asked_for(catalog),
            _segments=Segments.of(catalog),
        )

    @property
    def sees_features(self) -> frozenset[str]:
        """The names of the features that any rule or formula reads: situations need no others."""
        return self._sight.sees_features

    def look(self, situation: Situation) -> View:
        """Return a situation as the rules see it. Never raises for what the values are."""
        return self._sight.look(situation)

    def screen(self, view: View) -> Screening:
        """Return the actions that no customer-level rule stops. Never raises for what the values are."""
        live, left = (1 << len(self.catalog.actions)) - 1, list[int]()
        for stage in self._stages:
            live = stage.screen(live, view)
            left.append(live)
            if not live:
                break
        return Screening(live, self._guards.boosts(view), tuple(left))

    def fit(self, surface: Surface) -> Fit:
        """Return what a surface takes by type, channel and treatment.

        Raises:
            UnknownPlacementError: the catalog has no such surface.
        """
        return self._placements.fit(surface)

    def locale(self, wanted: str) -> str:
        """Return the catalog's locale for a wanted language tag: itself, its language, or the default."""
        return self._placements.locale(wanted)

    def type_mask(self, action_type: ActionType) -> int:
        """Return the actions of one type."""
        return self._type_masks[action_type]

    def reserving(self, channel: str) -> int:
        """Return the actions that must be reserved when proposed on a channel.

        Some cap counts them, or some condition wants to know whether they are on their way.
        """
        return self._caps.reserving(channel) | self._asked_for

    def rooms(self, ways: Sequence[tuple[View, int]], most: int) -> tuple[Room, ...]:
        """Return what caps leave for one answer, where that may be less than it can hold.

        Args:
            ways: per channel of the answer the customer as seen there, and the mask of the live actions that
                may go out on it.
            most: how many propositions the answer can have.
        """
        # Nothing live is used up, so a single proposition always has room.
        return () if most <= 1 else self._caps.rooms([(view.situation, mask) for view, mask in ways], most)

    def memberships(self, looked_at: Situation | View) -> frozenset[str]:
        """Return the segments that the customer is in: of an exclusive set the last one that holds.

        One that cannot be decided does not hold. Never raises for what the values are.
        """
        return self._segments.holding(looked_at.situation if isinstance(looked_at, View) else looked_at)

    def retention(self) -> Mapping[str, int | None]:
        """Return how long tickets, purchases, events and contacts are kept, in milliseconds by kind.

        The time counts from the end of a record, or if it has none from when it was made; open tickets are
        always kept. None is for ever, 0 that no rule reads them.
        """
        return retention_of(self.catalog)

    def stale_features(self, situation: Situation) -> tuple[str, ...]:
        """Return the features that rules read and that are older than declared, sorted."""
        return self._sight.stale_features(situation)

    def explain(
        self, view: View, surface: Surface | None = None, excluded: int = 0, candidates: int = -1
    ) -> tuple[Exclusion, ...]:
        """Return, for every action that may not be offered, the first stage that stops it.

        Args:
            view: what `screen` was given.
            surface: the surface that asks; None leaves that stage out.
            excluded: mask of the actions that the request does not want.
            candidates: mask of the only actions that the request wants; -1 wants all.

        Raises:
            UnknownPlacementError: the catalog has no such surface.
        """
        return first_stops(self.catalog.actions, self._stops(view, surface, excluded, candidates))

    def count_stopped(
        self, view: View, surface: Surface | None = None, excluded: int = 0, candidates: int = -1
    ) -> tuple[Stopped, ...]:
        """Return how many actions each rule was the first to stop, for what `explain` is given.

        Raises:
            UnknownPlacementError: the catalog has no such surface.
        """
        stops = self._stops(view, surface, excluded, candidates)
        return tuple(count_first_stops(self.catalog.actions, stops))

    def _stops(self, view: View, surface: Surface | None, excluded: int, candidates: int) -> list[Stop]:
        stops: list[Stop] = [cause for stage in self._stages for cause in stage.stops(view)]
        if surface is not None:
            stops += self._placements.stops(surface)
        stops.append(stop(Stage.REQUEST, excluded, _EXCLUDED))
        stops.append(stop(Stage.REQUEST, ~candidates, _NO_CANDIDATE))
        return stops


_EXCLUDED = Finding("excluded", "The request excludes this action.")
_NO_CANDIDATE = Finding("candidates", "The request asks for other candidates only.")


def _reads(catalog: Catalog, layout: Layout) -> frozenset[str]:
    policies = catalog.policies
    asked = {mention.root for mention in layout.slots} | {guard.over for guard in policies.guards}
    needed = {"consents": policies.consent, "purchases": policies.owned, "contacts": policies.caps}
    return (RECORD_LISTS & asked) | {name for name, rules in needed.items() if rules}


def _is_of(action: Action, action_type: ActionType) -> bool:
    return action.type is action_type


def _version(catalog: Catalog) -> str:
    """Return 12 hex digits that change with anything that may change a screening."""
    # Texts for people and figures for ranking change no screening.
    silent = {"version", "title", "description", "actions", "affinities"}
    silent |= {"events", "streams", "namespaces", "memory"}  # what comes in, not what is made of it
    content: dict[str, object] = {
        item.name: getattr(catalog, item.name) for item in fields(catalog) if item.name not in silent
    }
    content["actions"] = [_screened_part(action) for action in catalog.actions]
    return hashlib.sha256(json.dumps([_ENGINE, content], default=_jsonable).encode()).hexdigest()[:12]


def _screened_part(action: Action) -> Sequence[object]:
    return [
        getattr(action, name)
        for name in ("id", "type", "issue", "group", "valid", "channels", "attributes", "tags", "brands")
    ] + [action.sells, action.about, action.treatments, action.volume_cap, action.rules]


def _jsonable(value: object) -> object:
    if is_dataclass(value):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    return str(value)
