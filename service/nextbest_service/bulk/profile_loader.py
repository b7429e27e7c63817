"""Loads profiles, with or without attributes, consents and features."""

from collections.abc import Sequence
from dataclasses import dataclass

from nextbest_service.api.read_profile import ProfileReader
from nextbest_service.bulk.profile_fields import ProfileRow
from nextbest_service.bulk.results import Result
from nextbest_service.customers.incoming import ProfileChange
from nextbest_service.customers.intake import Intake, Item
from nextbest_service.errors import ServiceError

PROFILES = 500
"""How many are read and written at once."""


@dataclass(frozen=True, slots=True)
class ProfileLoader:
    """Writes profiles down."""

    intake: Intake
    reader: ProfileReader

    async def load(self, messages: Sequence[ProfileRow]) -> list[Result]:
        """Load profiles and return what became of each."""
        results: dict[int, Result] = {}
        items: dict[int, Item[ProfileChange]] = {}
        for place, message in enumerate(messages):
            try:
                items[place] = Item(*self.reader.read(message.message(), ""))
            except ServiceError as error:
                results[place] = error
        places = [*items]
        for start in range(0, len(places), PROFILES):
            some = places[start : start + PROFILES]
            found = await self.intake.upsert([items[place] for place in some])
            results.update(zip(some, found, strict=True))
        return [results[place] for place in range(len(messages))]
