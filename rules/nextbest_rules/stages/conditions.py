"""Stages eligibility, applicability and suitability, and the wish not to be contacted: conditions in CEL.

For screening all of them become shared predicates; for explaining each rule is asked on its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

from nextbest_rules.bitmask import bits
from nextbest_rules.catalog import Action, AttributeValue, Catalog
from nextbest_rules.cel import Expression, Unevaluable
from nextbest_rules.explanation import Finding, Stop
from nextbest_rules.observation import attribute, observed, wanted
from nextbest_rules.policies import ConditionRule, DoNotContact
from nextbest_rules.predicates import PredicateCompiler, Predicates
from nextbest_rules.rulebook import speaks_on
from nextbest_rules.selection import mask_of
from nextbest_rules.sight import Function, Layout, View
from nextbest_rules.situation import Situation
from nextbest_rules.terms import Direction, Stage, UnknownMode


@dataclass(frozen=True, slots=True)
class _Group:
    """Actions for which a rule's condition is the same, since they share the attributes that it reads."""

    mask: int
    bound: Expression
    # Compiled when the first explanation asks: a thousand actions may have thousands of conditions.
    holds: Callable[[], Function]


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: ConditionRule | DoNotContact
    condition: Expression
    required: str
    groups: tuple[_Group, ...]

    @property
    def stage(self) -> Stage:
        return self.rule.stage if isinstance(self.rule, ConditionRule) else Stage.CONSENT

    def asks(self, situation: Situation) -> bool:
        """Tell whether the rule is about contacts of this direction."""
        return speaks_on(self.rule, situation.channel, situation.direction)

    def denies(self, answer: object) -> bool:
        """Tell whether the rule stops its actions on this answer of its condition."""
        if answer is True or answer is False:
            return answer is isinstance(self.rule, DoNotContact)
        return self.rule.when_unknown is UnknownMode.DENY


@dataclass(frozen=True, slots=True)
class ConditionStages:
    """All conditions of a catalog: what actions need, and by direction what keeps them from going out."""

    _rules: tuple[_Compiled, ...]
    _needs: Predicates
    _refusals: Mapping[Direction, Predicates]

    @classmethod
    def of(cls, catalog: Catalog, layout: Layout) -> "ConditionStages":
        """Compile the conditions of a catalog: those of its policies, then those of its actions."""
        own = tuple(rule for action in catalog.actions for rule in action.rules)
        policies = catalog.policies
        written: tuple[ConditionRule | DoNotContact, ...] = (
            *policies.do_not_contact,
            *policies.conditions,
            *own,
        )
        rules = tuple(_compile(rule, catalog, layout) for rule in written)
        refusals = {direction: _refusals(rules, layout, direction) for direction in Direction}
        return cls(rules, _needs(rules, layout), refusals)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._rules

    def screen(self, live: int, view: View) -> int:
        """Return what fulfils its conditions. A predicate that no live action needs is not evaluated."""
        for predicates in (self._refusals[view.situation.direction], self._needs):
            if live & predicates.concerned:
                live = predicates.screen(live, view.slots)
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what each rule stops, in the order of the rules."""
        for compiled in self._rules:
            if not compiled.asks(view.situation):
                continue
            for group in compiled.groups:
                answer = group.holds()(view.slots)
                if compiled.denies(answer):
                    finding = partial(_finding, compiled=compiled, view=view, answer=answer)
                    # A group's actions have everything in common that the condition reads.
                    yield Stop(compiled.stage, group.mask, finding, alike=True)


def _needs(rules: Iterable[_Compiled], layout: Layout) -> Predicates:
    compiler = PredicateCompiler(layout)
    for compiled in rules:
        if isinstance(compiled.rule, ConditionRule):
            for group in compiled.groups:
                compiler.require(group.bound, group.mask, compiled.rule.when_unknown)
    return compiler.compile()


def _refusals(rules: Iterable[_Compiled], layout: Layout, direction: Direction) -> Predicates:
    compiler = PredicateCompiler(layout)
    for compiled in rules:
        if isinstance(compiled.rule, DoNotContact) and direction in compiled.rule.directions:
            for group in compiled.groups:
                compiler.forbid(group.bound, group.mask, compiled.rule.when_unknown)
    return compiler.compile()


def _compile(rule: ConditionRule | DoNotContact, catalog: Catalog, layout: Layout) -> _Compiled:
    source = rule.require if isinstance(rule, ConditionRule) else rule.when
    condition = layout.expressions.condition(source)
    layout.reserve(condition)  # what an action's attributes settle on their own is shown all the same
    names = tuple(mention.field for mention in condition.mentions if mention.root == "action")
    by_values: dict[tuple[tuple[type, AttributeValue | None], ...], int] = {}
    for bit in bits(mask_of(rule.applies_to, catalog)):
        values = [attribute(catalog.actions[bit], name) for name in names]
        key = tuple((type(value), value) for value in values)  # 1, 1.0 and true are not the same value
        by_values[key] = by_values.get(key, 0) | 1 << bit
    groups = tuple(_group(condition, names, key, mask, layout) for key, mask in by_values.items())
    text = wanted(source, catalog)
    return _Compiled(rule, condition, text if isinstance(rule, ConditionRule) else f"not ({text})", groups)


def _group(
    condition: Expression,
    names: tuple[str, ...],
    key: tuple[tuple[type, AttributeValue | None], ...],
    mask: int,
    layout: Layout,
) -> _Group:
    known = {name: value for name, (_, value) in zip(names, key, strict=True) if value is not None}
    bound = condition.bind(known) if names else condition
    layout.reserve(bound)
    return _Group(mask, bound, cache(partial(layout.function, bound)))


def _finding(action: Action, compiled: _Compiled, view: View, answer: object) -> Finding:
    rule = compiled.rule
    actual = observed(compiled.condition, view, action)
    if isinstance(answer, Unevaluable) and answer.missing is None:
        actual = "; ".join(filter(None, (actual, f"cannot be evaluated: {answer.reason}")))
    return Finding(rule.id, rule.reason, actual, compiled.required)
