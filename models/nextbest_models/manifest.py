"""What is written down beside a model, so that it can be checked before it is used."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

MANIFEST_FORMAT = 1
VERSION_LENGTH = 12


class Manifest(BaseModel):
    """The facts of one model. `golden_rows` use None for a missing value.

    A serving process recomputes `golden_scores` from `golden_rows` before it trusts the model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: int
    created: str
    model_sha256: str
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
        """The model's version: the first digits of its hash."""
        return self.model_sha256[:VERSION_LENGTH]
