"""Which column of a file is which field: a YAML file, and names that need none."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from nextbest_rules import Diagnostic
from nextbest_rules.loading.documents.fields import Document
from nextbest_rules.loading.yaml_nodes import find
from nextbest_service.bulk.cells import time_reader
from nextbest_service.yaml_files import BrokenFileError, read_yaml_file

Constant = str | int | float | bool


class MappingDocument(Document):
    """How a file of rows is to be read."""

    columns: dict[str, str | None] = Field(
        default={}, description="Column of the file: field. Without a field the column is left out."
    )
    constants: dict[str, Constant] = Field(
        default={}, description="Field: its value in every row, such as type: order.placed."
    )
    time_unit: Literal["s", "ms", "us"] = Field(
        default="ms", description="The unit of times that are numbers, counted from 1970."
    )
    time_zone: str = Field(default="UTC", description="The zone of times that do not tell their offset.")


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a file of rows is to be read. Columns that are not in `columns` go by their own names."""

    columns: dict[str, str | None] = field(default_factory=dict)
    constants: dict[str, Constant] = field(default_factory=dict)
    time_unit: str = "ms"
    zone: tzinfo = UTC

    def reads_time(self) -> Callable[[object], int]:
        """Return what reads the times of this file as Unix milliseconds."""
        return time_reader(self.time_unit, self.zone)


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        BrokenFileError: it cannot be read, or something is wrong with it.
    """
    document, root = read_yaml_file(path, MappingDocument)
    try:
        zone = ZoneInfo(document.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        place = find(root, ("time_zone",)).place
        fault = Diagnostic(str(path), place.line, place.column, "expected a time zone such as Europe/Prague")
        raise BrokenFileError([fault]) from None
    return Mapping(document.columns, document.constants, document.time_unit, zone)
