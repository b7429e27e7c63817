"""What becomes of what a row tells."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from nextbest_service.customers.incoming import Status
from nextbest_service.errors import ServiceError

Result: TypeAlias = Status | ServiceError


class Loader(Protocol):
    """Loads what the rows of one kind of files tell."""

    async def load(self, messages: Sequence[Any]) -> list[Result]:
        """Load messages and return what became of each.

        Raises:
            StoreUnavailableError: the store did not answer; loading them again is harmless.
        """
        ...
