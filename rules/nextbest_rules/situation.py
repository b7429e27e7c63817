"""What a decision knows about its customer, request and moment, and how conditions see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from nextbest_rules.catalog import Catalog
from nextbest_rules.conditions import Scope, open_scope
from nextbest_rules.dates import from_ms
from nextbest_rules.declarations import Declaration, FactValue, Schema, ValueType
from nextbest_rules.expression_tree import Mention

VisibleValues: TypeAlias = Mapping[str, Mapping[str, FactValue]]


@dataclass(frozen=True, slots=True)
class Situation:
    """One customer at one moment. Values may come as decoded: rules hold them to their declarations.

    `facts` None says that facts exist but cannot be read: then every fact is unknown, whatever its default.
    """

    now_ms: int
    known: bool = False
    channel: str = ""
    facts: Mapping[str, object] | None = field(default_factory=dict)
    features: Mapping[str, float] = field(default_factory=dict)
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Visibility:
    """The declared values that any condition of a rule set reads: all others are never looked at."""

    facts: Schema
    features: Schema
    context: Schema

    @classmethod
    def of(cls, catalog: Catalog, mentions: frozenset[Mention]) -> "Visibility":
        """Return the part of the catalog's declarations that is mentioned."""
        features = {
            feature.name: Declaration(feature.name, ValueType.DOUBLE, feature.default, feature.description)
            for feature in catalog.features
        }
        return cls(
            facts=_mentioned("facts", catalog.facts.declarations, mentions),
            features=_mentioned("features", features, mentions),
            context=_mentioned("context", catalog.context.declarations, mentions),
        )

    def values(self, situation: Situation) -> VisibleValues:
        """Return what conditions may see of the situation, by root; unreadable facts have no root."""
        # Features may come as numpy scalars, which the condition engine does not know.
        features = {
            name: float(value)
            for name in self.features.declarations
            if (value := situation.features.get(name)) is not None
        }
        # Without its root even `has(facts.x)` has no answer: an empty one would say that the fact is absent.
        facts = {} if situation.facts is None else {"facts": self.facts.conform(situation.facts)}
        return {
            **facts,
            "features": self.features.conform(features),
            "context": self.context.conform(situation.context),
            "customer": {"known": situation.known},
            "action": {},
        }


def _mentioned(root: str, declared: Mapping[str, Declaration], mentions: frozenset[Mention]) -> Schema:
    return Schema({name: value for name, value in declared.items() if Mention(root, name) in mentions})


def scope_of(situation: Situation, visible: VisibleValues) -> Scope:
    """Return the scope in which predicates are evaluated for a situation."""
    return open_scope({**visible, "now": from_ms(situation.now_ms), "channel": situation.channel})
