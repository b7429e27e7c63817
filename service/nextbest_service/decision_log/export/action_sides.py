"""The action sides beside an export: files that rows of features are made from, each written once."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from nextbest_service.decision_log.export.parts import put_in_place
from nextbest_service.decision_log.source import LogSource

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ActionSides:
    """A directory with one file per action side, by its id."""

    directory: Path

    def add(self, ids: Collection[str], source: LogSource) -> None:
        """Write those that are not there yet. Legends of earlier versions name none (an empty id)."""
        for side_id in sorted({*ids} - {""}):
            path = self.directory / f"{side_id}.npz"
            if path.exists():
                continue
            content = source.action_side(side_id)
            if content is None:
                log.error("action_side_missing", id=side_id, hint="its decisions cannot be learned from")
                continue
            self.directory.mkdir(exist_ok=True)
            put_in_place(path, partial(Path.write_bytes, data=content))
