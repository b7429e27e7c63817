"""How the parts of a server are, and since when: for operators and metrics."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from nextbest_service.clock import machine_ms
from nextbest_service.reload.findings import Finding, Part, errors_of, summary


class Condition(NamedTuple):
    """Whether a part works, what is wrong (empty: nothing), and since when (Unix milliseconds)."""

    healthy: bool
    detail: str
    since_ms: int


@dataclass(slots=True)
class Health:
    """What is known of each part. Parts that nobody has spoken of work since the start."""

    now_ms: Callable[[], int] = machine_ms
    _parts: dict[Part, Condition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in (Part.CATALOG, Part.MODEL):
            self._parts[part] = Condition(True, "", self.now_ms())

    @property
    def parts(self) -> Mapping[Part, Condition]:
        """The condition of every part that was spoken of."""
        return self._parts

    def works(self, *parts: Part) -> None:
        """Note that parts work."""
        for part in parts:
            self._note(part, True, "")

    def fails(self, findings: Iterable[Finding], until: str = "") -> None:
        """Note that the parts that findings blame do not work; `until` tells what serves in their place."""
        errors = errors_of(findings)
        for part in sorted({finding.part for finding in errors}):
            own = [finding for finding in errors if finding.part is part]
            self._note(part, False, f"{until}{summary(own)}")

    def _note(self, part: Part, healthy: bool, detail: str) -> None:
        before = self._parts.get(part)
        if before is None or before.healthy != healthy:
            self._parts[part] = Condition(healthy, detail, self.now_ms())
        else:
            self._parts[part] = before._replace(detail=detail)
