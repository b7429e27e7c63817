"""YAML files that stand alone, such as mappings: read as strictly as a catalog, each fault with its place."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from nextbest_rules import Diagnostic
from nextbest_rules.loading.documents.fields import Document
from nextbest_rules.loading.shape import read_document
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import Node

AnyDocument = TypeVar("AnyDocument", bound=Document)
MAX_FILE_BYTES = 1 << 20


class BrokenFileError(Exception):
    """A file that cannot be used. Carries all its faults."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))


def read_yaml_file(path: Path, model: type[AnyDocument]) -> tuple[AnyDocument, Node]:
    """Return a file as a document, and its tree, which knows the places.

    Raises:
        BrokenFileError: the file cannot be read, or is no such document.
    """
    file = str(path)
    root, faults = parse(_text(path), file)
    if root is None or faults:
        raise BrokenFileError(faults or [Diagnostic(file, 1, 1, "empty")])
    document, faults = read_document(model, root, file)
    if document is None:
        raise BrokenFileError(faults)
    return document, root


def _text(path: Path) -> str:
    try:
        if path.stat().st_size <= MAX_FILE_BYTES:
            return path.read_text(encoding="utf-8-sig")
        fault = f"larger than {MAX_FILE_BYTES >> 20} MiB"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        fault = "not UTF-8 text"
    raise BrokenFileError([Diagnostic(str(path), 1, 1, fault)])
