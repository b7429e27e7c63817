"""What a test asks, once the suite's defaults are under it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nextbest_rules.trials.documents import RequestDocument


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its placements as a mapping to limits (None: the placement's default)."""

    placements: Mapping[str, int | None]
    channel: str | None
    direction: str | None
    brand: str | None
    goal: str | None
    locale: str | None
    context: Mapping[str, Any] | None
    candidates: list[str] | None
    excluded: list[str] | None
    types: list[str] | None


def merged(defaults: RequestDocument, own: RequestDocument) -> Asked:
    """Return a request: each field as the test gives it, else as the suite does."""
    given = {name: getattr(own, name) for name in own.model_fields_set}
    fallen_back = {name: getattr(defaults, name) for name in defaults.model_fields_set}
    if given.keys() & {"placement", "placements"}:
        fallen_back = {name: value for name, value in fallen_back.items() if not name.startswith("placement")}
    request = {**fallen_back, **given}
    return Asked(
        placements=_limits(request),
        **{field.name: request.get(field.name) for field in fields(Asked) if field.name != "placements"},
    )


def _limits(request: Mapping[str, Any]) -> dict[str, int | None]:
    named = [request["placement"]] if request.get("placement") else []
    placements = dict.fromkeys(named) or request.get("placements") or {}
    return {name: limit or request.get("limit") for name, limit in placements.items()}
