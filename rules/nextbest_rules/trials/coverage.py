"""Which rules the tests saw at work: each must stop something once, and once let pass."""

import math
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations

from nextbest_rules.catalog import Action, Catalog
from nextbest_rules.explanation import Exclusion
from nextbest_rules.policies import Cap, ContextWeight, Selector
from nextbest_rules.rulebook import (
    VOLUME_CAP,
    Lift,
    Rule,
    lever_of,
    levers_of,
    promotions_of,
    rules_of,
    speaks_on,
    stops_what,
)
from nextbest_rules.selection import selects
from nextbest_rules.terms import Direction, Stage
from nextbest_rules.trials.question import EVERYWHERE, Answer, Offer, Question

_ORDER = {stage: place for place, stage in enumerate(Stage)}


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """One rule: whether some test saw it in force, and whether some test saw it let pass what it is about."""

    rule: str
    in_force: bool
    let_pass: bool

    @property
    def covered(self) -> bool:
        """Tell whether tests saw both."""
        return self.in_force and self.let_pass


@dataclass(frozen=True, slots=True)
class Coverage:
    """The rules of a catalog with what tests saw of them."""

    rules: tuple[RuleCoverage, ...]

    @property
    def percent(self) -> float:
        """The share of covered rules; 100 where there is no rule to cover."""
        covered = sum(rule.covered for rule in self.rules)
        return 100.0 * covered / len(self.rules) if self.rules else 100.0

    @property
    def uncovered(self) -> tuple[RuleCoverage, ...]:
        """The rules that tests did not see both ways."""
        return tuple(rule for rule in self.rules if not rule.covered)


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one action in one placement: offered, or left out and why."""

    action: Action
    channel: str
    direction: Direction
    brand: str
    goal: str
    offer: Offer | None
    exclusion: Exclusion | None

    def passed(self, stage: Stage) -> bool:
        """Tell whether the action got past a stage."""
        return self.exclusion is None or _ORDER[self.exclusion.stage] > _ORDER[stage]


@dataclass(slots=True)
class CoverageRecorder:
    """Watches answers while tests run."""

    catalog: Catalog
    _fates: list[_Fate] = field(default_factory=list)

    def watch(self, question: Question, answer: Answer) -> None:
        """Take in the answer to one question."""
        self._fates.extend(_fates(question, answer, self.catalog))

    def coverage(self) -> Coverage:
        """Return what was seen so far of every rule."""
        stopped = {
            _stopper(fate.exclusion): fate.exclusion.stage
            for fate in self._fates
            if fate.exclusion is not None
        }
        rules = [self._of_rule(rule, stopped) for rule in rules_of(self.catalog) if stops_what(rule)]
        resting = {rule.rule for rule in rules if rule.let_pass}
        return Coverage(
            (
                *rules,
                *(
                    self._of_volume_cap(action, stopped)
                    for action in self.catalog.actions
                    if _is_capped(action)
                ),
                *self._of_promotions(resting),
                *(self._of_lever(lift, "goal") for lift in levers_of(self.catalog.goals, "goal")),
                *(self._of_lever(lift, "brand") for lift in levers_of(self.catalog.brands, "brand")),
                *map(self._of_weight, self.catalog.policies.context_weights),
            )
        )

    def _of_rule(self, rule: Rule, stopped: Mapping[str, Stage]) -> RuleCoverage:
        stage, selector = stopped.get(rule.id), stops_what(rule)
        if stage is None or selector is None:
            return RuleCoverage(rule.id, in_force=False, let_pass=self._ever_offered(selector))
        concerned = {action.id for action in self.catalog.actions if selects(selector, action)}
        never_lets_pass = isinstance(rule, Cap) and rule.max == 0
        let_pass = never_lets_pass or any(
            fate.action.id in concerned
            and fate.passed(stage)
            and speaks_on(rule, fate.channel, fate.direction)
            for fate in self._fates
        )
        return RuleCoverage(rule.id, in_force=True, let_pass=let_pass)

    def _ever_offered(self, selector: Selector | None) -> bool:
        return selector is not None and any(
            fate.offer is not None and selects(selector, fate.action) for fate in self._fates
        )

    def _of_volume_cap(self, action: Action, stopped: Mapping[str, Stage]) -> RuleCoverage:
        name = _volume_cap(action.id)
        let_pass = action.volume_cap == 0 or any(
            fate.offer is not None for fate in self._fates if fate.action is action
        )
        return RuleCoverage(name, name in stopped, let_pass)

    def _of_promotions(self, resting: Container[str]) -> Iterator[RuleCoverage]:
        """Judge by the levers and pins of offers; a guard that lets pass what it could hold is at rest."""
        lifts = tuple(promotions_of(self.catalog))
        in_force: set[str] = set()
        at_rest: set[str] = set()
        for fate in self._fates:
            if fate.offer is not None:
                selecting = [lift for lift in lifts if selects(lift.applies_to, fate.action)]
                working = self._working(fate, fate.offer, selecting) if selecting else frozenset()
                in_force |= working
                at_rest |= {lift.name for lift in selecting} - working
        for lift in lifts:
            yield RuleCoverage(
                lift.name, lift.name in in_force, lift.name in at_rest or lift.owner in resting
            )

    def _working(self, fate: _Fate, offer: Offer, lifts: Iterable[Lift]) -> frozenset[str]:
        """Return the promotions that the offer's lever and pin show to be in force."""
        pins = frozenset(lift.name for lift in lifts if lift.pin and offer.pinned)
        usual = fate.action.lever
        usual *= lever_of(self.catalog.goals.get(fate.goal), fate.action)
        usual *= lever_of(self.catalog.brands.get(fate.brand), fate.action)
        return pins | _factors(offer.lever / usual if usual else 1.0, lifts)

    def _of_lever(self, lift: Lift, what: str) -> RuleCoverage:
        offers = [
            fate for fate in self._fates if fate.offer is not None and selects(lift.applies_to, fate.action)
        ]
        owners = [fate.goal if what == "goal" else fate.brand for fate in offers]
        return RuleCoverage(lift.name, lift.owner in owners, any(owner != lift.owner for owner in owners))

    def _of_weight(self, rule: ContextWeight) -> RuleCoverage:
        offers = [fate.offer for fate in self._fates if fate.offer and selects(rule.applies_to, fate.action)]
        says = [rule.id in offer.weighed_by for offer in offers]
        return RuleCoverage(rule.id, in_force=any(says), let_pass=not all(says))


def _factors(residual: float, lifts: Iterable[Lift]) -> frozenset[str]:
    """Return the levers whose product is the residual; none if there is no telling."""
    levers = [lift for lift in lifts if lift.lever != 1.0]
    for size in range(len(levers) + 1):
        fitting = [
            chosen
            for chosen in combinations(levers, size)
            if math.isclose(math.prod(lift.lever for lift in chosen), residual, rel_tol=1e-9)
        ]
        if fitting:
            return frozenset(lift.name for lift in fitting[0]) if len(fitting) == 1 else frozenset()
    return frozenset()


def _fates(question: Question, answer: Answer, catalog: Catalog) -> Iterator[_Fate]:
    everywhere = answer.exclusions.get(EVERYWHERE, ())
    for asked in question.placements:
        placement = asked.placement
        channel = question.channel or (placement.channels[0] if len(placement.channels) == 1 else "")
        fate = partial(
            _Fate,
            direction=question.direction or placement.direction,
            brand=question.brand or catalog.default_brand,
            goal=question.goal or catalog.default_goal,
        )
        for offer in answer.offers.get(placement.id, ()):
            action = catalog.actions[catalog.index[offer.action]]
            yield fate(action, offer.channel, offer=offer, exclusion=None)
        for exclusion in (*everywhere, *answer.exclusions.get(placement.id, ())):
            action = catalog.actions[catalog.index[exclusion.action_id]]
            yield fate(action, channel, offer=None, exclusion=exclusion)


def _stopper(exclusion: Exclusion) -> str:
    return _volume_cap(exclusion.action_id) if exclusion.rule_id == VOLUME_CAP else exclusion.rule_id


def _volume_cap(action_id: str) -> str:
    return f"{VOLUME_CAP} of {action_id}"


def _is_capped(action: Action) -> bool:
    return action.volume_cap is not None
