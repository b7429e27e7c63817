"""Connects to Feast's online store."""

from pathlib import Path

from nextbest_models.features import FeatureSpec
from nextbest_rules import Catalog
from nextbest_service.feast.mapping import external_features, read_mapping
from nextbest_service.feast.reader import FeastReader
from nextbest_service.store.connection import connect


def open_feast(path: Path, url: str, timeout_ms: int, catalog: Catalog, spec: FeatureSpec) -> FeastReader:
    """Return a reader of the features that a mapping names; nothing is asked of the store yet.

    Raises:
        BrokenFileError: the mapping cannot be read, or does not fit the catalog.
    """
    namespaces = {namespace.name for namespace in catalog.namespaces}
    mapping = read_mapping(path, external_features(spec), namespaces)
    return FeastReader(connect(url, timeout_ms), mapping)
