"""The compiled rules: one decision is a handful of predicates over bitmasks of actions."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from types import MappingProxyType

from nextbest_rules.bitmask import mask_where
from nextbest_rules.catalog import Action, ActionType, Catalog
from nextbest_rules.eligibility import CompiledEligibility
from nextbest_rules.explanation import (
    Exclusion,
    Stop,
    first_stops,
    no_candidate,
    outside_validity,
    refused_by_caller,
    refused_by_placement,
)
from nextbest_rules.situation import Situation, Visibility, scope_of
from nextbest_rules.validity import ValidityTimeline

# Part of every rule set's version: raise it when the same catalog may screen differently than before.
_ENGINE = "1"


class UnknownPlacementError(LookupError):
    """A placement id that the catalog does not have."""


@dataclass(frozen=True, slots=True)
class Screening:
    """The outcome for one customer: bit i of `live` is set if `catalog.actions[i]` may be offered."""

    live: int


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one catalog, compiled. Immutable and safe to share between requests."""

    catalog: Catalog
    version: str
    _validity: ValidityTimeline
    _eligibility: CompiledEligibility
    _visibility: Visibility
    _placement_masks: Mapping[str, int]
    _type_masks: Mapping[ActionType, int]

    @classmethod
    def compile(cls, catalog: Catalog) -> "RuleSet":
        """Compile the rules of a loaded catalog."""
        actions, eligibility = catalog.actions, CompiledEligibility.of(catalog)
        return cls(
            catalog=catalog,
            version=_version(catalog),
            _validity=ValidityTimeline.over(actions),
            _eligibility=eligibility,
            _visibility=Visibility.of(catalog, eligibility.mentions),
            _placement_masks=MappingProxyType(
                {name: mask_where(actions, placement.takes) for name, placement in catalog.placements.items()}
            ),
            _type_masks=MappingProxyType(
                {kind: mask_where(actions, partial(_is_of, action_type=kind)) for kind in ActionType}
            ),
        )

    def screen(self, situation: Situation) -> Screening:
        """Return the actions that no customer-level rule stops. Never raises for what the values are."""
        live = self._validity.mask_at(situation.now_ms)
        if live & self._eligibility.concerned:
            visible = self._visibility.values(situation)
            live = self._eligibility.screen(live, scope_of(situation, visible))
        return Screening(live)

    def placement_mask(self, placement_id: str) -> int:
        """Return the actions that a placement accepts by type and channel.

        Raises:
            UnknownPlacementError: the catalog has no such placement.
        """
        try:
            return self._placement_masks[placement_id]
        except KeyError:
            raise UnknownPlacementError(placement_id) from None

    def type_mask(self, action_type: ActionType) -> int:
        """Return the actions of one type."""
        return self._type_masks[action_type]

    def explain(
        self,
        situation: Situation,
        placement_id: str | None = None,
        excluded: int = 0,
        candidates: int = -1,
    ) -> tuple[Exclusion, ...]:
        """Return, for every action that may not be offered, the first stage that stops it.

        Args:
            situation: what `screen` was given.
            placement_id: the placement that asks; None leaves that stage out.
            excluded: mask of the actions that the request does not want.
            candidates: mask of the only actions that the request wants; -1 wants all.

        Raises:
            UnknownPlacementError: the catalog has no such placement.
        """
        placement_stops = () if placement_id is None else (self._placement_stop(placement_id),)
        stops = (
            *self._customer_stops(situation),
            *placement_stops,
            Stop(excluded, refused_by_caller),
            Stop(~candidates, no_candidate),
        )
        return first_stops(self.catalog.actions, stops)

    def _customer_stops(self, situation: Situation) -> Iterator[Stop]:
        now_ms = situation.now_ms
        yield Stop(~self._validity.mask_at(now_ms), partial(outside_validity, now_ms=now_ms))
        visible = self._visibility.values(situation)
        yield from self._eligibility.stops(scope_of(situation, visible), visible)

    def _placement_stop(self, placement_id: str) -> Stop:
        mask = self.placement_mask(placement_id)
        return Stop(~mask, partial(refused_by_placement, placement=self.catalog.placements[placement_id]))


def _is_of(action: Action, action_type: ActionType) -> bool:
    return action.type is action_type


def _version(catalog: Catalog) -> str:
    """Return 12 hex digits that change with anything that may change a screening."""
    actions = [
        (action.id, action.type, action.issue, action.group, action.channels, action.attributes)
        for action in catalog.actions
    ]
    windows = [(action.valid_from_ms, action.valid_until_ms) for action in catalog.actions]
    features = [(feature.name, feature.source, feature.default) for feature in catalog.features]
    schemas = (catalog.facts, catalog.context, catalog.action_attributes)
    content = (_ENGINE, actions, windows, catalog.placements, features, schemas, catalog.policies)
    return hashlib.sha256(json.dumps(content, default=_jsonable).encode()).hexdigest()[:12]


def _jsonable(value: object) -> object:
    if is_dataclass(value):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    return str(value)
