"""What one caller may do."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from nextbest_service.decisions.request import DecisionRequest, ExplainLevel
from nextbest_service.errors import FieldViolation, PermissionDeniedError

NOT_PERMITTED = "not permitted to this caller"


class Names(NamedTuple):
    """Some names, or any at all."""

    listed: frozenset[str] = frozenset()
    any: bool = False

    def hold(self, names: Iterable[str]) -> bool:
        """Tell whether all of some names are among them."""
        return self.any or self.listed.issuperset(names)


ANY_NAME = Names(any=True)


class Asked(NamedTuple):
    """What a question asks for, as far as permissions go."""

    placements: Collection[str]
    channels: Collection[str]
    brands: Collection[str]
    explain: ExplainLevel


class Permissions(NamedTuple):
    """The RPCs that a caller may call, by their full names, and what it may ask for in decisions."""

    rpcs: frozenset[str] = frozenset()
    channels: Names = Names()
    placements: Names = Names()
    brands: Names = Names()
    explain: ExplainLevel = ExplainLevel.NONE

    def check(self, asked: Asked) -> None:
        """See that everything that a question asks for is permitted.

        Raises:
            PermissionDeniedError: something is not; all of it is listed.
        """
        if not (
            asked.explain <= self.explain
            and self.placements.hold(asked.placements)
            and self.channels.hold(asked.channels)
            and self.brands.hold(asked.brands)
        ):
            raise PermissionDeniedError([*self._violations(asked)])

    def _violations(self, asked: Asked) -> Iterator[FieldViolation]:
        for index, placement in enumerate(asked.placements):
            if not self.placements.hold([placement]):
                yield FieldViolation(f"placements[{index}].id", NOT_PERMITTED)
        if not self.channels.hold(asked.channels):
            yield FieldViolation("channel", NOT_PERMITTED)
        if not self.brands.hold(asked.brands):
            yield FieldViolation("brand", NOT_PERMITTED)
        if asked.explain > self.explain:
            yield FieldViolation("explain_level", NOT_PERMITTED)


def asked_by(request: DecisionRequest) -> Asked:
    """Return what a question asks for, defaults included; where the service chooses, all that it may."""
    return Asked(
        [asked.placement.id for asked in request.placements],
        (request.channel,) if request.channel else _open_channels(request),
        (request.brand,),
        request.explain,
    )


def _open_channels(request: DecisionRequest) -> Collection[str]:
    return {channel for asked in request.placements for channel in asked.placement.channels}
