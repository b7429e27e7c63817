"""Holds contacts of actions that are planned for so many contacts with all customers together."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from nextbest_rules import Catalog
from nextbest_service.store.connection import Script, Store
from nextbest_service.store.keys import VOLUMES, held_key
from nextbest_service.store.line import Command
from nextbest_service.store.replies import checked


class VolumeHolds:
    """The contacts that count against volume caps: held at the decision, confirmed or released by outcomes.

    `caps` is by action id. Decisions are named by their 32 hex digits. Other actions are
    skipped.
    """

    def __init__(self, store: Store, caps: Mapping[str, int]) -> None:
        self._store = store
        self.caps = caps
        self._hold = _script(store, "hold_volume.lua")
        self._release = _script(store, "release_volume.lua")

    @classmethod
    def of(cls, store: Store, catalog: Catalog) -> "VolumeHolds":
        """Return the holds for a catalog."""
        caps = {action.id: action.volume_cap for action in catalog.actions if action.volume_cap is not None}
        return cls(store, caps)

    async def hold(self, decision: str, until_ms: Mapping[str, int], now_ms: int) -> frozenset[str]:
        """Hold one contact per action until a time (Unix ms), and return the actions whose cap is used up.

        Raises:
            StoreUnavailableError: the store did not answer in time; what is held is forgotten in its time.
        """
        wanted = [action for action in until_ms if action in self.caps]
        replies = await self._run(
            self._hold.call(
                [VOLUMES, held_key(action)],
                [action, self.caps[action], bytes.fromhex(decision), now_ms, until_ms[action]],
            )
            for action in wanted
        )
        return frozenset(action for action, held in zip(wanted, replies, strict=True) if not held)

    async def confirm(self, contacts: Iterable[tuple[str, str]]) -> None:
        """Count contacts, given as (action, decision), for good: they took place.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        await self._run(
            ("ZADD", held_key(action), "+inf", bytes.fromhex(decision))
            for action, decision in contacts
            if action in self.caps
        )

    async def release(self, contacts: Iterable[tuple[str, str]]) -> None:
        """Give contacts, given as (action, decision), back: they will not take place.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        await self._run(
            self._release.call([held_key(action)], [bytes.fromhex(decision)])
            for action, decision in contacts
            if action in self.caps
        )

    async def _run(self, commands: Iterable[Command]) -> Sequence[Any]:
        asked = [*commands]
        replies = await self._store.run(asked) if asked else []
        return [checked(reply) for reply in replies]


def _script(store: Store, name: str) -> Script:
    text = files(__package__).joinpath(name).read_text()
    return store.script(text, hashlib.sha1(text.encode()).hexdigest())  # noqa: S324 - Redis' name for it
