"""Names of persons: what is the same name, which one is stronger, and what stands for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from nextbest_rules import Catalog
from nextbest_rules.catalog import Namespace
from nextbest_service.store.keys import Identity, KeyRing, Ref


class Who(NamedTuple):
    """Some names of one person, normalised, with the refs that stand for them, in the caller's order."""

    names: tuple[Identity, ...]
    refs: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Naming:
    """The rules by which a catalog reads names. Undeclared namespaces are fine, and the weakest."""

    ring: KeyRing
    namespaces: Mapping[str, Namespace]
    _ranks: Mapping[str, int]

    @classmethod
    def of(cls, catalog: Catalog, ring: KeyRing) -> "Naming":
        """Return the rules of a catalog."""
        ranks = {namespace.name: rank for rank, namespace in enumerate(catalog.namespaces)}
        return cls(ring, {namespace.name: namespace for namespace in catalog.namespaces}, ranks)

    def normal(self, identity: Identity) -> Identity:
        """Return the one spelling of a name."""
        space = identity.namespace.lower()
        declared = self.namespaces.get(space)
        folds = declared is not None and declared.fold_case
        if folds:
            return Identity(space, identity.id.casefold())
        return identity if space == identity.namespace else Identity(space, identity.id)

    def who(self, identities: Iterable[Identity]) -> Who:
        """Return names as they are looked up, each once."""
        names = tuple(map(self.normal, identities))
        if len(names) == 1:  # the usual case
            return Who(names, (self.ring.ref(names[0]),))
        names = tuple(dict.fromkeys(names))
        return Who(names, tuple(map(self.ring.ref, names)))

    def may_join(self, identity: Identity | None, others: Iterable[Identity | None]) -> bool:
        """Tell whether a name may be one more name of a person with the others."""
        space = None if identity is None else self.namespaces.get(identity.namespace)
        if identity is None or space is None or not space.one_per_person:
            return True
        return all(other is None or other.namespace != identity.namespace for other in others)

    def rank(self, identity: Identity | None) -> int:
        """Return how strong a name is: 0 is the strongest, and a name that nobody told is the weakest."""
        if identity is None:
            return len(self._ranks) + 1
        return self._ranks.get(identity.namespace, len(self._ranks))
