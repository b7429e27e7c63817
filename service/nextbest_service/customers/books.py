"""Everything that is the same for all changes of customers until the next reload of the catalog."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType

from nextbest_models.affinity import AffinityKey
from nextbest_models.online import OnlineFeatures
from nextbest_rules import Action, Catalog, RuleSet
from nextbest_rules.catalog import Memory
from nextbest_service.customers.linking import Linking
from nextbest_service.customers.streams import Streams

MOST_RECORDS = 500
"""A portion keeps at most so many tickets, purchases, events and contacts, whatever the catalog asks for."""


@dataclass(frozen=True, slots=True)
class Books:
    """What is needed to write anything down about a customer.

    `retention` says how long records are kept, in milliseconds by part; None is for ever and 0 not at all.
    `anonymous` names the namespaces of devices.
    """

    catalog: Catalog
    rules: RuleSet
    features: OnlineFeatures
    streams: Streams
    linking: Linking
    retention: Mapping[str, int | None]
    anonymous: Set[str]
    actions: Mapping[str, Action]

    @classmethod
    def of(cls, rules: RuleSet, features: OnlineFeatures, ids: Mapping[AffinityKey, int]) -> "Books":
        """Return the books of a catalog; `ids` is the dictionary of affinity keys, which may grow."""
        catalog = rules.catalog
        return cls(
            catalog=catalog,
            rules=rules,
            features=features,
            streams=Streams.of(catalog, ids),
            linking=Linking(features, {it.name for it in catalog.namespaces if it.one_per_person}),
            retention=rules.retention(),
            anonymous={namespace.name for namespace in catalog.namespaces if namespace.anonymous},
            actions=MappingProxyType({action.id: action for action in catalog.actions}),
        )

    @property
    def memory(self) -> Memory:
        """How long things are remembered."""
        return self.catalog.memory

    def keeps(self, part: str) -> bool:
        """Tell whether records of a part are kept at all."""
        return self.retention[part] != 0
