"""Load a catalog: every file strictly, every fault at once, all or nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nextbest_rules.catalog import Catalog
from nextbest_rules.diagnostics import CatalogError, Diagnostic
from nextbest_rules.loading import references
from nextbest_rules.loading.assembly import assemble
from nextbest_rules.loading.documents import (
    ActionsDocument,
    CatalogDocument,
    ConditionsDocument,
    Document,
    EventsDocument,
    ExperimentsDocument,
    FactsDocument,
    FeaturesDocument,
    PlacementsDocument,
    PoliciesDocument,
    SegmentsDocument,
)
from nextbest_rules.loading.shape import read_document
from nextbest_rules.loading.sources import Source, read_source, read_sources, version_of
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, Place, ScalarNode, SequenceNode, child

_MODELS: Mapping[str, type[Document]] = {
    "catalog.yaml": CatalogDocument,
    "features.yaml": FeaturesDocument,
    "facts.yaml": FactsDocument,
    "placements.yaml": PlacementsDocument,
    "policies.yaml": PoliciesDocument,
    "conditions.yaml": ConditionsDocument,
    "segments.yaml": SegmentsDocument,
    "events.yaml": EventsDocument,
    "experiments.yaml": ExperimentsDocument,
}


@dataclass(frozen=True, slots=True)
class _File:
    """One file as far as it could be read."""

    root: Node | None
    document: Document | None
    faults: list[Diagnostic]


def load_catalog(directory: Path) -> Catalog:
    """Load and check the catalog in `directory`.

    Raises:
        CatalogError: the catalog has faults; it carries all of them.
    """
    sources, faults = read_sources(directory)
    files = {source.file: _read_file(source) for source in sources}
    faults.extend(fault for file in files.values() for fault in file.faults)
    roots = {name: file.root for name, file in files.items()}
    texts = {source.file: source.text for source in sources}
    if sources:
        faults = _without_echoes(faults, references.check(roots, texts))
    if faults:
        raise CatalogError(faults)
    documents = {name: file.document for name, file in files.items() if file.document is not None}
    return assemble(documents, version_of(sources))


def declared_name(directory: Path) -> str | None:
    """Return the name that a catalog gives itself, None where that cannot be read."""
    source = read_source(directory, "catalog.yaml")
    root = parse(source.text, source.file)[0] if isinstance(source, Source) else None
    name = child(root, "name") if root is not None else None
    return name.value if isinstance(name, ScalarNode) and isinstance(name.value, str) else None


def _read_file(source: Source) -> _File:
    root, faults = parse(source.text, source.file)
    if root is None and faults:
        return _File(None, None, faults)
    shaped = _wrap_actions(root) if source.file not in _MODELS else root
    shaped = shaped or MappingNode(Place(1, 1, 0), {}, {})
    document, wrong = read_document(_MODELS.get(source.file, ActionsDocument), shaped, source.file)
    return _File(shaped, document, _without_echoes(faults, wrong))


def _wrap_actions(root: Node | None) -> Node:
    """Give a file of actions, a list at its top, the shape of the other files: a mapping."""
    place = root.place if root else Place(1, 1, 0)
    return MappingNode(place, {"actions": root or SequenceNode(place, [])}, {"actions": place})


def _without_echoes(faults: Iterable[Diagnostic], later: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Add the faults of a later check, except at places that an earlier one has reported."""
    kept = list(faults)
    reported = {(fault.file, fault.line, fault.column) for fault in kept}
    return kept + [fault for fault in later if (fault.file, fault.line, fault.column) not in reported]
