"""What is written down beside a model, so that it can be checked before it is used."""

import hashlib
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

MANIFEST_FORMAT = 2
VERSION_LENGTH = 12


class Manifest(BaseModel):
    """The facts of one model. `golden_rows` use None for a missing value, `golden_scores` are uncalibrated.

    `parts` are the SHA-256 of what serves beside the model, by file name.

    A serving process recomputes `golden_scores` from `golden_rows` before it trusts the model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: int
    created: str
    model_sha256: str
    parts: Mapping[str, str]
    columns: list[str]
    spec_digest: str
    golden_rows: list[list[float | None]]
    golden_scores: list[float]
    parameters: Mapping[str, JsonValue]
    metrics: Mapping[str, JsonValue]
    training: Mapping[str, JsonValue]
    versions: Mapping[str, str]

    @property
    def version(self) -> str:
        """The first digits of a hash of all that serves."""
        return version_of(self.model_sha256, self.parts)


def version_of(model_sha256: str, parts: Mapping[str, str]) -> str:
    """Return the version of a model and its parts, by their SHA-256; without parts it is the model's own."""
    if not parts:
        return model_sha256[:VERSION_LENGTH]
    hashes = "".join(f"{name} {parts[name]}\n" for name in sorted(parts))
    return hashlib.sha256(f"{model_sha256}\n{hashes}".encode()).hexdigest()[:VERSION_LENGTH]
