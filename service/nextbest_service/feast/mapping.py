"""Which of Feast's features are which of the catalog's: a YAML file, checked as strictly as a catalog."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from nextbest_models.definitions import External
from nextbest_models.features import FeatureSpec
from nextbest_rules import Diagnostic
from nextbest_rules.loading.documents.fields import Document
from nextbest_rules.loading.suggestions import suggestion
from nextbest_rules.loading.yaml_nodes import Node, find
from nextbest_service.feast.layout import KeyType
from nextbest_service.yaml_files import BrokenFileError, read_yaml_file


@dataclass(frozen=True, slots=True)
class FeastView:
    """One feature view, looked up by the ids of one namespace. `features`: the catalog's name -> Feast's."""

    name: str
    namespace: str
    join_key: str
    kind: KeyType
    features: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FeastMapping:
    """What to read from one Feast project."""

    project: str
    views: tuple[FeastView, ...]


class ViewDocument(Document):
    """One feature view of a Feast project."""

    view: str = Field(
        min_length=1, description="The view's name, with `_v<number>` where the project versions its views."
    )
    namespace: str = Field(min_length=1, description="The namespace whose ids are the view's entities.")
    join_key: str = Field(min_length=1, description="The join key of the view's entity.")
    type: Literal["STRING", "INT32", "INT64"] = Field(
        default="STRING", description="The value type of the entity."
    )
    features: dict[str, str] = Field(
        min_length=1, description="Customer features of the catalog, each with the name it has in the view."
    )


class MappingDocument(Document):
    """What to read from Feast's online store."""

    project: str = Field(min_length=1, description="The Feast project.")
    views: list[ViewDocument] = Field(min_length=1, description="The feature views to read.")


def external_features(spec: FeatureSpec) -> frozenset[str]:
    """Return the features that may come from elsewhere: all others are computed from events here."""
    return frozenset(it.name for it in spec.customer_features if isinstance(it.definition, External))


def read_mapping(path: Path, features: Collection[str], namespaces: Collection[str]) -> FeastMapping:
    """Read a mapping for a catalog with these external features and, where it declares any, namespaces.

    Raises:
        BrokenFileError: the file cannot be read, or something is wrong with it; every fault is listed.
    """
    document, root = read_yaml_file(path, MappingDocument)
    if faults := [*_faults(document, root, str(path), features, namespaces)]:
        raise BrokenFileError(faults)
    return FeastMapping(document.project, tuple(map(_view, document.views)))


def _view(document: ViewDocument) -> FeastView:
    return FeastView(
        document.view,
        document.namespace.lower(),
        document.join_key,
        KeyType[document.type],
        document.features,
    )


def _faults(
    document: MappingDocument,
    root: Node,
    file: str,
    features: Collection[str],
    namespaces: Collection[str],
) -> Iterator[Diagnostic]:
    taken: set[str] = set()
    for index, view in enumerate(document.views):
        if namespaces and view.namespace.lower() not in namespaces:
            hint = suggestion(view.namespace.lower(), namespaces)
            message = f"the catalog declares no such namespace{hint}"
            yield _fault(root, file, ("views", index, "namespace"), message)
        for name in view.features:
            place = ("views", index, "features", name)
            if name not in features:
                hint = suggestion(name, features)
                message = f"the catalog declares no feature '{name}' with external: true{hint}"
                yield _fault(root, file, place, message)
            if name in taken:
                yield _fault(root, file, place, f"'{name}' is read from two places")
            taken.add(name)


def _fault(root: Node, file: str, path: tuple[str | int, ...], message: str) -> Diagnostic:
    place = find(root, path).place
    return Diagnostic(file, place.line, place.column, message)
