"""Refs are HMAC-SHA-256 and signatures keyed BLAKE2b, however quickly they are made."""

import base64
import hashlib
import hmac

import pytest

from nextbest_service.customers.naming import Naming
from nextbest_service.store.keys import Identity, KeyRing

SECRETS = [b"", b"short", bytes(range(32)), bytes(64), bytes(65), bytes(range(200))]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_made_with_the_secret_is_what_the_standard_says(secret: bytes) -> None:
    ring = KeyRing(secret)

    def keyed(message: bytes) -> bytes:
        return hmac.digest(secret, message, "sha256")

    for id_ in ("anna", "Đặng", "x" * 300):
        assert ring.ref(Identity("customer", id_)) == keyed(f"ref\0customer\0{id_}".encode())[:12]
        keyed_blake = hashlib.blake2b(id_.encode(), key=secret[:64], digest_size=16, person=b"token")
        assert len(secret) > 64 or ring.signature(id_.encode()) == keyed_blake.digest()
        key, question = ring.claim(id_, b"body")
        assert key == b"nb:q:" + base64.urlsafe_b64encode(keyed(b"request\0" + id_.encode())[:12])
        assert question == keyed(b"question\0body")[:12]
    assert ring.tombstone_key(b"ref") == b"nb:x:" + base64.urlsafe_b64encode(keyed(b"erased\0ref")[:12])


def test_a_name_told_twice_is_looked_up_once() -> None:
    naming = Naming(KeyRing(bytes(32)), {}, {})
    names = [Identity("Cookie", "c"), Identity("cookie", "c"), Identity("customer", "C")]
    assert naming.who(names).names == (Identity("cookie", "c"), Identity("customer", "C"))
    assert naming.who(names[:1]).names == (Identity("cookie", "c"),)
    assert len(naming.who([]).refs) == 0
