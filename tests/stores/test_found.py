"""Whom the hashes of a reading belong to: the short way of the usual case ends where the long one does."""

from itertools import combinations

import pytest
from shoppers import ANNA, COOKIE, RING, WHOLE, person_of

from nextbest_service.customers.person import Member
from nextbest_service.store import found, keys
from nextbest_service.store.found import Ask, Fields, find
from nextbest_service.store.member_codec import encode_members

HEAD, OTHER = RING.ref(ANNA), RING.ref(COOKIE)
PARTS = {
    keys.VERSION: b"version-01",
    keys.IDENTITIES: encode_members(person_of(WHOLE).members),
    keys.FACTS: b"facts",
    keys.POINTER: OTHER,
    keys.LEFT: OTHER,
    keys.FORWARD: OTHER,
}
OTHERS = {
    "nobody": {},
    "the person there lists no other": {
        keys.VERSION: b"version-02",
        keys.IDENTITIES: encode_members([Member(OTHER, COOKIE)]),
    },
    "the person there lists this one": {
        keys.VERSION: b"version-02",
        keys.IDENTITIES: encode_members([Member(OTHER, COOKIE), Member(HEAD, ANNA)]),
    },
}
HASHES = [dict(some) for size in range(len(PARTS) + 1) for some in combinations(PARTS.items(), size)]


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_short_way_finds_what_the_long_one_finds(other: Fields, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = [Ask((HEAD,)), Ask((HEAD,), "request-1"), Ask((HEAD,), erased=True)]

    def everything() -> list[found.Found]:
        return [
            find(ask, {HEAD: fields, OTHER: other}, iter([b"1", b"2", b"3"]), RING)
            for fields in HASHES
            for ask in asks
        ]

    short = everything()
    assert any(it.head == HEAD for it in short)
    monkeypatch.setattr(found, "is_at_home", lambda _: False)
    assert everything() == short
