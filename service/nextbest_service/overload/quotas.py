"""How much each caller may ask: token buckets."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


class Quota(NamedTuple):
    """So many calls per second in the long run, and so many at once."""

    per_second: float
    burst: float


class TokenBucket:
    """Fills steadily up to the burst of its quota; each call takes one token."""

    __slots__ = ("_at", "_quota", "_tokens")

    def __init__(self, quota: Quota, now: float) -> None:
        self._quota = quota
        self._tokens = quota.burst
        self._at = now

    def take(self, now: float) -> float:
        """Take a token and return 0; where there is none, return how many seconds from now there is one."""
        per_second, burst = self._quota
        self._tokens = min(burst, self._tokens + (now - self._at) * per_second)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / per_second


@dataclass(slots=True)
class Buckets:
    """The buckets of one of `workers` processes: each gives its part of a quota, for calls spread over them.

    `clock` returns seconds.
    """

    workers: int = 1
    clock: Callable[[], float] = time.monotonic
    _of: dict[str, tuple[Quota, TokenBucket]] = field(default_factory=dict)

    def take(self, caller: str, quota: Quota) -> float:
        """Take a token of a caller and return 0; else return after how many seconds there is one.

        A quota that was changed starts with a full bucket.
        """
        now = self.clock()
        held, bucket = self._of.get(caller, (None, None))
        if bucket is None or held != quota:
            part = Quota(quota.per_second / self.workers, max(1.0, quota.burst / self.workers))
            bucket = TokenBucket(part, now)
            self._of[caller] = quota, bucket
        return bucket.take(now)
