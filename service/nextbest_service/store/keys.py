"""Where things live in Redis. All of one customer shares a hash tag, so a cluster keeps it on one node."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

# The fields of a person's hash. Those of a portion carry the number of its member, but for the head's.
VERSION = b"n"
IDENTITIES = b"i"
SEGMENTS = b"g"
POINTER = b">"
"""The ref of the person that this identity was linked to."""
LEFT = b"<"
"""The ref of the person that this identity leaves; it has left once the person there does not list it."""
FORWARD = b"~"
"""The refs of heads of those who have left together, until the pointers of all of them lead there."""
ERASING = b"!"
"""Stands while somebody with several names is being erased: whoever parts with a name takes it away first."""
STRANGER = b"?"
"""Stands while all that is stored of somebody is what we proposed and what came of it."""
FEATURES = b"v"
COUNTERS = b"a"
FACTS = b"f"
SEEN = b"s"
RESERVATIONS = b"r"
RECORD_FIELDS: Mapping[str, bytes] = MappingProxyType(
    {"consents": b"c", "tickets": b"t", "purchases": b"p", "events": b"e", "contacts": b"h"}
)
"""The fields that hold lists of records."""

SECRET = b"nb:secret"
"""32 random bytes: what refs and tokens are made with. Written once, by whoever comes first."""
STATE_SCHEMAS = b"nb:state-schemas"
"""Hash: schema id of feature states -> the schema. Entries are never changed or removed."""
AFFINITY_KEYS = b"{nb:affinity}:keys"
"""Hash: msgpack [family, key] -> id. Append-only: the next id is the number of entries."""
AFFINITY_EPOCH = b"{nb:affinity}:epoch"
"""Random id of the affinity dictionary: counters written under another dictionary cannot be misread."""
PRODUCTS = b"nb:products"
"""Hash: product id -> msgpack, its affinity keys by family."""
POPULATION = b"nb:population"
"""What all customers together did, sealed like one customer's counters."""
KILLS = b"nb:kills"
"""Hash: action id -> sealed kill. Read with every decision, so that a kill counts at once."""
VOLUMES = b"nb:{volumes}"
"""Hash: action id -> contacts with the whole population before we counted, as a decimal number."""
DECISION_LOG = b"nb:{log}"
"""Stream: every decision and every outcome, as long as there is room."""
LOG_LEGENDS = b"nb:{log}:legends"
"""Hash: id of a legend -> the names that entries of the log give by number. Only grows."""
LOG_ACTION_SIDES = b"nb:{log}:action-sides"
"""Hash: id of an action side -> what rows of features are made of beside the customer. Only grows."""
LOG_ERASURES = b"nb:{log}:erasures"
"""Sorted set: digest of the ref of somebody erased -> when. Exported files follow it."""
LOADED = b"nb:loaded"
"""msgpack: what the last load put here, for start-up messages and for people."""


MAX_IDENTITY_BYTES = 128
_SHORT = MAX_IDENTITY_BYTES // 4
"""No text of so many characters has too many bytes."""
NAMESPACE_RULE = "a letter, then at most 31 letters, digits or underscores"
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


Ref: TypeAlias = bytes
"""Stands for an identity wherever the identity itself must not stand: 12 bytes, see `KeyRing.ref`."""
REF_BYTES = 12
_SECRETS, _BLOCK_BYTES = 16, 64
_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))
_RECENT = 1024
"""Refs that are kept at hand: a decision needs the same one when it asks and when it reads."""
SIGNATURE_BYTES = 16


class Identity(NamedTuple):
    """One name of a person: an id within a namespace, such as a cookie or a customer number."""

    namespace: str
    id: str

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with the name, as far as that is seen at a glance: else see `faults`."""
        return 0 < len(self.id) <= _SHORT and _NAMESPACE.fullmatch(self.namespace) is not None

    @property
    def faults(self) -> Mapping[str, str]:
        """What is wrong with the name, by field. The case of a namespace does not matter."""
        found = {}
        if _NAMESPACE.fullmatch(self.namespace) is None:
            found["namespace"] = NAMESPACE_RULE
        if not 1 <= len(self.id.encode()) <= MAX_IDENTITY_BYTES:
            found["id"] = f"1 to {MAX_IDENTITY_BYTES} bytes"
        return found


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What is made with the installation's secret: refs of identities and signatures of tokens."""

    secret: bytes = field(repr=False)

    def ref(self, identity: Identity) -> Ref:
        """Return what stands for an identity (normalised by its namespace) in keys, tokens and the log.

        It is a keyed hash: without the secret nobody can tell whose it is, or try ids one by one.
        """
        return _ref(self.secret, identity)

    def tombstone_key(self, ref: Ref) -> bytes:
        """Return the key that stands for a while after the person behind a ref was erased.

        It does not show the ref: whoever finds it learns nothing, and whoever knows the ref can look it up.
        """
        digest = _keyed(self.secret, b"erased\0" + ref)[:REF_BYTES]
        return b"nb:x:" + base64.urlsafe_b64encode(digest)

    def claim(self, request_id: str, body: bytes) -> tuple[bytes, bytes]:
        """Return the key at which a request id is claimed, and what stands there for the question."""
        key = _keyed(self.secret, b"request\0" + request_id.encode())[:REF_BYTES]
        question = _keyed(self.secret, b"question\0" + body)[:REF_BYTES]
        return b"nb:q:" + base64.urlsafe_b64encode(key), question

    def signature(self, payload: bytes) -> bytes:
        """Return 16 bytes that only a holder of the secret can make."""
        keyed = _signing(self.secret).copy()
        keyed.update(payload)
        return keyed.digest()


@lru_cache(_SECRETS)
def _signing(secret: bytes) -> "hashlib.blake2b":
    """Return the hash with the key in it, to be copied: a sixth of the time of an HMAC from the start."""
    return hashlib.blake2b(key=secret, digest_size=SIGNATURE_BYTES, person=b"token")


@lru_cache(_RECENT)
def _ref(secret: bytes, identity: Identity) -> Ref:
    return _keyed(secret, f"ref\0{identity.namespace}\0{identity.id}".encode())[:REF_BYTES]


def _keyed(secret: bytes, message: bytes) -> bytes:
    """Return what HMAC-SHA-256 makes of a message: quicker, for the secret is hashed only once."""
    begun, wrapping = _begun(secret)
    inner, outer = begun.copy(), wrapping.copy()
    inner.update(message)
    outer.update(inner.digest())
    digest: bytes = outer.digest()
    return digest


@lru_cache(_SECRETS)
def _begun(secret: bytes) -> tuple[Any, Any]:
    """Return the inner and the outer hash of HMAC (RFC 2104) as they stand after the secret."""
    key = (sha256(secret).digest() if len(secret) > _BLOCK_BYTES else secret).ljust(_BLOCK_BYTES, b"\0")
    return sha256(key.translate(_INNER)), sha256(key.translate(_OUTER))


def person_key(ref: Ref) -> bytes:
    """Return the key of the hash of a person, or of the pointer to it."""
    return b"nb:{" + base64.urlsafe_b64encode(ref) + b"}"


def answer_keys(ref: Ref) -> tuple[bytes, bytes]:
    """Return the keys of a person's remembered answers by request id, in alternating periods."""
    key = person_key(ref)
    return key + b":q0", key + b":q1"


def held_key(action_id: str) -> bytes:
    """Return the key of the sorted set of an action's contacts that count against its volume cap."""
    return b"nb:{volumes}:" + action_id.encode()
