"""Looks at a service and its store from outside: /proc, and the metrics that everybody gets."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from scraping import Values, series, values
from soak_records import Sample
from soaked_world import World

MIB = 1024 * 1024


@dataclass
class Sampler:
    """Looks at a world. `began` is the monotonic second from which samples count."""

    world: World
    began: float
    samples: list[Sample] = field(default_factory=list)
    _before: Values = field(default_factory=dict)

    def look(self) -> None:
        """Take a sample."""
        pid = self.world.service.process.pid
        found = values(self.world.metrics)
        lag, looks = (
            found[series(f"loop_lag_seconds_{it}")] - self._before.get(series(f"loop_lag_seconds_{it}"), 0.0)
            for it in ("sum", "count")
        )
        self._before = found
        ran, waited = turns_of_main_thread(pid)
        self.samples.append(
            Sample(
                at=time.monotonic() - self.began,
                rss=resident_mib(pid),
                store_rss=resident_mib(self.world.store.pid),
                fds=_entries(f"/proc/{pid}/fd"),
                threads=_entries(f"/proc/{pid}/task"),
                under_way=sum(it for (name, _), it in found.items() if name == "nextbest_requests_under_way"),
                breaker_open=found[series("store_breaker_open")] > 0,
                log_waiting=found[series("decision_log_waiting_records")],
                log_lost=found[series("decision_log_lost_records_total")],
                lag_ms=1e3 * lag / max(1.0, looks),
                ran=ran,
                waited=waited,
            )
        )


def resident_mib(pid: int) -> float:
    """Return how much memory a process has; 0 while it is away."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def turns_of_main_thread(pid: int) -> tuple[float, float]:
    """Return how many seconds a process has had a core, and how many it was ready and had to wait for one."""
    ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def _entries(directory: str) -> int:
    return sum(1 for _ in Path(directory).iterdir())
