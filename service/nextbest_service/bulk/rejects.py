"""Rows that were refused, with the reason, as JSON lines that can be mended and loaded again."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from nextbest_service.bulk.sources import Row
from nextbest_service.errors import FieldViolation, ServiceError

Plain: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reject:
    """Some rows that one reason refused. `fields` says what is wrong with which field."""

    file: str
    line: int
    reason: str
    message: str
    fields: tuple[FieldViolation, ...]
    rows: tuple[Plain, ...]

    def to_plain(self) -> Plain:
        """Return it fit for JSON."""
        return {
            "file": self.file,
            "line": self.line,
            "reason": self.reason,
            "message": self.message,
            "fields": [{"field": it.field, "description": it.description} for it in self.fields],
            "rows": self.rows,
        }


def reject(file: str, rows: Sequence[Row], error: ServiceError) -> Reject:
    """Return the refusal of some rows."""
    plain = tuple(dict(zip(row.columns, row.cells, strict=False)) for row in rows)
    return Reject(file, rows[0].line, error.reason, error.message, error.violations, plain)


class RejectsFile:
    """Takes rejects down as they come, in no particular order. There is no file where there are no rejects.

    That of an earlier run is replaced unless it is appended to.
    """

    def __init__(self, path: Path, *, append: bool) -> None:
        self.path = path
        self.count = 0
        if not append:
            path.unlink(missing_ok=True)

    def take(self, rejects: Sequence[Reject]) -> None:
        """Write some down."""
        if not rejects:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(lines_of(rejects))
        self.count += len(rejects)


def lines_of(rejects: Sequence[Reject]) -> Iterator[str]:
    """Yield rejects as lines of JSON."""
    return (f"{_json(item.to_plain())}\n" for item in rejects)


def _json(plain: Plain) -> str:
    return json.dumps(plain, ensure_ascii=False, default=_other, separators=(",", ":"))


def _other(value: object) -> object:
    """Return what JSON has no kind for, as text that is read the same again."""
    return value.isoformat() if isinstance(value, date) else str(value)
