"""What a supervisor tells a worker to do. It goes through a pipe: settings may carry passwords."""

import json
from dataclasses import dataclass
from typing import Self

from nextbest_service.settings import Settings

_SECRETS = ("redis_url", "feast_redis_url", "log_decisions_key")


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders of one worker: its number, the pipe to its supervisor, and what to serve."""

    number: int
    pipe: int
    settings: Settings

    def to_json(self) -> bytes:
        """Return the orders as JSON, secrets in plain text."""
        settings = self.settings.model_dump(mode="json")
        for name in _SECRETS:
            secret = getattr(self.settings, name)
            settings[name] = secret.get_secret_value() if secret else None
        return json.dumps({"number": self.number, "pipe": self.pipe, "settings": settings}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return the orders."""
        plain = json.loads(text)
        settings = Settings.model_validate_json(json.dumps(plain["settings"]))
        return cls(plain["number"], plain["pipe"], settings)
