"""What the expressions of one catalog may mention, and with which types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from nextbest_rules.cel.kinds import DECLARED_TYPES, RECORD_TYPES, STRING, TIMESTAMP, Type, list_of
from nextbest_rules.declarations import ValueType

ACTION_FIELDS: Final = ("id", "type", "issue", "group")
ELEMENTS: Final = ("ticket", "purchase", "event")
"""Records that an expression may be asked about one by one."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What expressions may mention: per root, the fields with types; the names of conditions and segments.

    A type of None accepts every use. It stands for a declaration that is itself faulty, so that one mistake
    is reported once.
    """

    facts: Mapping[str, ValueType | None]
    features: Mapping[str, ValueType | None]
    context: Mapping[str, ValueType | None]
    attributes: Mapping[str, ValueType | None]
    conditions: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()

    def roots(self) -> dict[str, Mapping[str, ValueType | None]]:
        """Return the fields of each root."""
        return {
            "facts": self.facts,
            "features": self.features,
            "context": self.context,
            "customer": {"known": ValueType.BOOL},
            "action": {**dict.fromkeys(ACTION_FIELDS, ValueType.STRING), **self.attributes},
            "conditions": dict.fromkeys(sorted(self.conditions), ValueType.BOOL),
            "segments": dict.fromkeys(sorted(self.segments), ValueType.BOOL),
        }


@dataclass(frozen=True, slots=True)
class Names:
    """The names that are in scope: roots with the types of their fields, and plain variables with theirs."""

    roots: Mapping[str, Mapping[str, Type]]
    variables: Mapping[str, Type]

    @classmethod
    def of(cls, vocabulary: Vocabulary, element: str | None) -> "Names":
        """Return the names for expressions of a catalog, the variable of an element among them."""
        roots = {
            root: {name: DECLARED_TYPES[declared] for name, declared in fields.items()}
            for root, fields in vocabulary.roots().items()
        }
        own = {element: RECORD_TYPES[element]} if element else {}
        return cls(roots, PLAIN_VARIABLES | own)

    def all(self) -> frozenset[str]:
        """Return every name."""
        return frozenset({*self.roots, *self.variables})


PLAIN_VARIABLES: Final[dict[str, Type]] = {
    "now": TIMESTAMP,
    **dict.fromkeys(("channel", "direction", "brand", "goal"), STRING),
    **{f"{record}s": list_of(kind) for record, kind in RECORD_TYPES.items()},
}
"""The variables that every expression may read."""
