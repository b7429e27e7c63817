"""Log lines of single decisions: of a share of them, and of those that took long. Nobody is named in them."""

import secrets
import zlib
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import structlog

from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.observing import Spent
from nextbest_service.observing.limits import Limit

KEY_BYTES = 32
HASH_BYTES = 8
SLOW_LINES, SLOW_SECONDS = 10, 10.0
"""So many slow decisions have a line in such a time; when everything is slow, more tell nothing new."""
_WHOLE = 1 << 32

log = structlog.get_logger()


class DecisionLines:
    """Writes lines. `caller` names who asks, as the file of callers does; empty where there is none."""

    def __init__(
        self, share: float, slow_ms: int, key: bytes = b"", caller: Callable[[], str] = lambda: ""
    ) -> None:
        self._below = round(share * _WHOLE)
        self._slow_us = slow_ms * 1000
        self._key = blake2b(key).digest() if key else secrets.token_bytes(KEY_BYTES)
        self._caller = caller
        self._slow = Limit(SLOW_LINES, SLOW_SECONDS)

    def decided(self, decision: Decision, spent: Spent) -> None:
        """Write what is to be written of a decision."""
        if self._below and zlib.crc32(decision.id.encode()) < self._below:
            log.info("decision", **self._told(decision, spent))
        if self._slow_us and spent.total_us >= self._slow_us:
            unsaid = self._slow.unsaid()
            if unsaid is not None:
                more = {"unsaid": unsaid} if unsaid else {}
                log.warning("slow_decision", **self._told(decision, spent), **_steps(decision, spent), **more)

    def _told(self, decision: Decision, spent: Spent) -> dict[str, Any]:
        request = decision.basis.request
        offered = [it.action.id for placed in decision.placements for it in placed.propositions]
        return {
            "decision_id": decision.id,
            "placements": [placed.request.placement.id for placed in decision.placements],
            "propositions": len(offered),
            "actions": offered,
            "degraded": list(decision.degraded),
            "duration_ms": spent.total_us / 1000,
            "channel": request.channel,
            "dry_run": request.dry_run,
            "caller": self._caller(),
            "known": decision.customer_known,
            "customer": self._hashed(decision.person or decision.origin),
        }

    def _hashed(self, ref: bytes) -> str:
        """Return what a customer is called in the log: the same as long as the key is, and nowhere else."""
        return blake2b(ref, key=self._key, digest_size=HASH_BYTES).hexdigest() if ref else ""


def _steps(decision: Decision, spent: Spent) -> dict[str, float]:
    """Return the milliseconds of each step."""
    steps = {**decision.timing._asdict(), "render_us": spent.render_us, "reserve_us": spent.reserve_us}
    return {name.replace("_us", "_ms"): microseconds / 1000 for name, microseconds in steps.items()}
