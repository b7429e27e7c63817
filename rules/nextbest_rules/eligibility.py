"""Eligibility rules, compiled to predicates that are shared by all actions with the same answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from nextbest_rules.bitmask import bits, mask_where
from nextbest_rules.catalog import Action, AttributeValue, Catalog, EligibilityRule, UnknownMode
from nextbest_rules.conditions import Condition, ConditionChecker, Predicate, Scope, Unevaluable
from nextbest_rules.declarations import ValueType
from nextbest_rules.explanation import Exclusion, Stage, Stop, show
from nextbest_rules.expression_tree import Mention
from nextbest_rules.situation import VisibleValues
from nextbest_rules.vocabulary import Vocabulary

_ABSENT = ("Key not found", "No value with name")
"""How the engine words that a value or a whole root is missing, which is already shown as unknown."""


@dataclass(frozen=True, slots=True)
class _SharedPredicate:
    """A predicate, the actions that any rule asks it about, and what its answers leave of the live ones."""

    predicate: Predicate
    concerned: int
    left_if_false: int
    left_if_unknown: int


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    """A rule and the groups of actions it asks about: (index of the predicate, mask of the group)."""

    rule: EligibilityRule
    condition: Condition
    groups: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class CompiledEligibility:
    """All eligibility rules of a catalog. `concerned` is the mask of the actions that any rule asks about."""

    concerned: int
    mentions: frozenset[Mention]
    _actions: tuple[Action, ...]
    _predicates: tuple[_SharedPredicate, ...]
    _rules: tuple[_CompiledRule, ...]

    @classmethod
    def of(cls, catalog: Catalog) -> "CompiledEligibility":
        """Compile the rules of a loaded catalog."""
        compiler = _Compiler(catalog)
        rules = tuple(map(compiler.compile, catalog.policies.eligibility))
        predicates = tuple(draft.freeze() for draft in compiler.drafts.values())
        concerned = 0
        for predicate in predicates:
            concerned |= predicate.concerned
        mentions = frozenset(mention for rule in rules for mention in rule.condition.mentions)
        return cls(concerned, mentions, catalog.actions, predicates, rules)

    def screen(self, live: int, scope: Scope) -> int:
        """Return what the rules leave of `live`. A predicate that no live action needs is not evaluated."""
        for shared in self._predicates:
            if live & shared.concerned:
                answer = shared.predicate.evaluate(scope)
                if answer is False:
                    live &= shared.left_if_false
                elif answer is not True:
                    live &= shared.left_if_unknown
        return live

    def stops(self, scope: Scope, visible: VisibleValues) -> Iterator[Stop]:
        """Yield what each rule stops, in the order of the rules."""
        answers: dict[int, bool | Unevaluable] = {}
        for compiled in self._rules:
            for index, group in compiled.groups:
                if index not in answers:
                    answers[index] = self._predicates[index].predicate.evaluate(scope)
                if _denies(compiled.rule, answers[index]):
                    actual = _actual(
                        compiled.condition, answers[index], visible, self._actions[next(bits(group))]
                    )
                    yield Stop(group, partial(_not_eligible, rule=compiled.rule, actual=actual))


def _denies(rule: EligibilityRule, answer: bool | Unevaluable) -> bool:
    if isinstance(answer, Unevaluable):
        return rule.when_unknown is UnknownMode.DENY
    return not answer


@dataclass(slots=True)
class _Draft:
    """A shared predicate while rules are still being compiled."""

    predicate: Predicate
    index: int
    concerned: int = 0
    stopped_if_false: int = 0
    stopped_if_unknown: int = 0

    def add(self, rule: EligibilityRule, group: int) -> None:
        self.concerned |= group
        self.stopped_if_false |= group
        if rule.when_unknown is UnknownMode.DENY:
            self.stopped_if_unknown |= group

    def freeze(self) -> _SharedPredicate:
        return _SharedPredicate(
            self.predicate, self.concerned, ~self.stopped_if_false, ~self.stopped_if_unknown
        )


@dataclass(slots=True)
class _Compiler:
    """Turns rules into groups over shared predicates: one per condition and distinct attributes it reads."""

    catalog: Catalog
    drafts: dict[tuple[str, tuple[AttributeValue | None, ...]], _Draft] = field(default_factory=dict)
    _checker: ConditionChecker = field(init=False)

    def __post_init__(self) -> None:
        self._checker = ConditionChecker(vocabulary_of(self.catalog))

    def compile(self, rule: EligibilityRule) -> _CompiledRule:
        condition = self._checker.check(rule.require)
        assert isinstance(condition, Condition), "the loader has checked every condition"
        names = tuple(mention.field for mention in condition.mentions if mention.root == "action")
        groups: dict[int, int] = {}
        for values, group in self._groups(rule, names).items():
            draft = self._draft(condition, names, values)
            draft.add(rule, group)
            groups[draft.index] = group
        return _CompiledRule(rule, condition, tuple(groups.items()))

    def _groups(
        self, rule: EligibilityRule, names: tuple[str, ...]
    ) -> Mapping[tuple[AttributeValue | None, ...], int]:
        groups: dict[tuple[AttributeValue | None, ...], int] = {}
        for bit in bits(mask_where(self.catalog.actions, rule.applies_to.selects)):
            action = self.catalog.actions[bit]
            values = tuple(attribute(action, name) for name in names)
            groups[values] = groups.get(values, 0) | 1 << bit
        return groups

    def _draft(
        self, condition: Condition, names: tuple[str, ...], values: tuple[AttributeValue | None, ...]
    ) -> _Draft:
        key = (condition.source, values)
        if key not in self.drafts:
            known = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            self.drafts[key] = _Draft(condition.bind(known), len(self.drafts))
        return self.drafts[key]


def vocabulary_of(catalog: Catalog) -> Vocabulary:
    """Return what the conditions of a loaded catalog may mention."""
    return Vocabulary(
        facts={name: declared.type for name, declared in catalog.facts.declarations.items()},
        features={item.name: ValueType.DOUBLE for item in catalog.features if item.source == "customer"},
        context={name: declared.type for name, declared in catalog.context.declarations.items()},
        attributes=dict(catalog.action_attributes),
    )


def attribute(action: Action, name: str) -> AttributeValue | None:
    """Return what conditions see as `action.<name>`, or None where the action lacks it."""
    match name:
        case "id":
            return action.id
        case "type":
            return str(action.type)
        case "issue":
            return action.issue
        case "group":
            return action.group
        case _:
            return action.attributes.get(name)


def _actual(condition: Condition, answer: bool | Unevaluable, visible: VisibleValues, action: Action) -> str:
    """Return what the condition saw. It saw the same for every action of a group."""
    texts = [_show(mention, visible, action) for mention in condition.mentions]
    if isinstance(answer, Unevaluable) and not any(text in answer.reason for text in _ABSENT):
        texts.append(f"cannot be evaluated: {answer.reason}")
    return "; ".join(texts)


def _show(mention: Mention, visible: VisibleValues, action: Action) -> str:
    if mention.root == "action":
        return show(str(mention), attribute(action, mention.field))
    return show(str(mention), visible.get(mention.root, {}).get(mention.field))


def _not_eligible(action: Action, rule: EligibilityRule, actual: str) -> Exclusion:
    required = " ".join(rule.require.split())
    return Exclusion(action.id, Stage.ELIGIBILITY, rule.id, rule.reason, actual, required)
