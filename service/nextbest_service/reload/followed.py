"""Files that are followed by themselves, certificates and callers, as parts that operators load anew."""

import asyncio
from dataclasses import dataclass
from typing import Any

from nextbest_service.reload.findings import Finding, Part
from nextbest_service.reload.results import Prepared
from nextbest_service.security.last_good import LastGood
from nextbest_service.yaml_files import BrokenFileError


@dataclass(frozen=True, slots=True)
class Followed:
    """A part that is read from files of its own."""

    value: LastGood[Any]

    @property
    def part(self) -> Part:
        """Which part it is."""
        return Part(self.value.part)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the files since they were looked at."""
        return self._told(self.value.faults)

    async def prepare(self) -> Prepared:
        """Read the files, whether or not they have changed, and swap nothing."""
        changed = self.value.has_changed
        try:
            adopt = await asyncio.to_thread(self.value.prepare)
        except BrokenFileError as error:
            return Prepared(self._told(error.diagnostics), False, _nothing)
        return Prepared((), changed, adopt)

    def _told(self, diagnostics: tuple[Any, ...]) -> tuple[Finding, ...]:
        return tuple(Finding(self.part, it.message, it.file, it.line, it.column) for it in diagnostics)


def _nothing() -> None: ...
