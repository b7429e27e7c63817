"""A person: all identities that are known to be one human being, and what came in under each of them."""

from collections.abc import Mapping
from typing import NamedTuple

from nextbest_service.customers.portion import EMPTY, NOTHING, Portion
from nextbest_service.store.keys import Identity, Ref

MAX_MEMBERS = 64


class Member(NamedTuple):
    """One identity of a person and its portion.

    `identity` is None where only the ref is known: the name has not been told yet. `since_ms` and `source`
    say when and by whom it was linked; 0 and empty for the identity that came first.
    """

    ref: Ref
    identity: Identity | None
    since_ms: int = 0
    source: str = ""
    portion: Portion = EMPTY


def came_first(members: tuple[Member, ...]) -> Ref:
    """Return the ref of the identity that was there before the others; of several the first one."""
    return min(members, key=_since_ms).ref


def _since_ms(member: Member) -> int:
    return member.since_ms


class Person(NamedTuple):
    """One person as stored at the ref of the head, which is the first member.

    `version` names the state that was read; empty where nothing is stored. `segments` are the segments that
    the person was in after the last write, with the time of entry.
    """

    members: tuple[Member, ...]
    version: bytes = b""
    segments: Mapping[str, int] = NOTHING

    @property
    def head(self) -> Ref:
        """The ref under which the person is stored."""
        return self.members[0].ref

    @property
    def first(self) -> Ref:
        """The ref of the identity that came first; links leave it what it is."""
        return came_first(self.members)

    @property
    def portions(self) -> tuple[Portion, ...]:
        """The portions, that of the head first."""
        return tuple(member.portion for member in self.members)

    def portion(self, origin: Ref) -> Portion:
        """Return what came in under one identity; an identity that is no member has an empty portion."""
        return next((member.portion for member in self.members if member.ref == origin), EMPTY)

    def with_portion(self, origin: Ref, portion: Portion) -> "Person":
        """Return the person with another portion under one member, who joins if it is none yet."""
        if any(member.ref == origin for member in self.members):
            members = tuple(
                member._replace(portion=portion) if member.ref == origin else member
                for member in self.members
            )
        else:
            members = (*self.members, Member(origin, None, portion=portion))
        return self._replace(members=members)
