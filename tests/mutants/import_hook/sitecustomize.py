"""Breaks modules as they are imported, here and in every process that is started from here.

MUTANT_EDITS names a file with edits as JSON: [[module, text, other text], …]. Each text must stand in its
module exactly once; else the process ends with status 97, for then the mutant tests nothing.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

NOT_APPLICABLE = 97


class _Broken(importlib.machinery.SourceFileLoader):
    """Loads a module with edits, and neither reads nor writes compiled files."""

    def __init__(self, name: str, path: str, edits: Sequence[tuple[str, str]]) -> None:
        super().__init__(name, path)
        self._edits = edits

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of the module, broken."""
        path = self.get_filename(fullname)
        text = self.get_data(path).decode()
        for old, new in self._edits:
            if text.count(old) != 1:
                sys.stderr.write(f"the mutant of {fullname} finds its text {text.count(old)} times\n")
                os._exit(NOT_APPLICABLE)
            text = text.replace(old, new)
        return self.source_to_code(text.encode(), path)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, edits: Sequence[tuple[str, str, str]]) -> None:
        self._edits: dict[str, list[tuple[str, str]]] = {}
        for module, old, new in edits:
            self._edits.setdefault(module, []).append((old, new))

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """Return how to load a module that is to be broken."""
        if fullname not in self._edits:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Broken(fullname, spec.origin, self._edits[fullname])
        return spec


if "MUTANT_EDITS" in os.environ:
    sys.meta_path.insert(0, _Finder(json.loads(Path(os.environ["MUTANT_EDITS"]).read_text())))
