"""Where things live in Redis. All of one customer shares a hash tag, so a cluster keeps it on one node."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

VECTOR = b"v"
COUNTERS = b"a"
FACTS = b"f"
RECORD_FIELDS: Mapping[str, bytes] = MappingProxyType(
    {"consents": b"c", "tickets": b"t", "purchases": b"p", "events": b"e", "contacts": b"h"}
)
"""The fields that hold lists of records."""

VECTOR_SCHEMAS = b"nb:vector-schemas"
"""Hash: vector schema id -> the schema. Entries are never changed or removed."""
AFFINITY_KEYS = b"{nb:affinity}:keys"
"""Hash: msgpack [family, key] -> id. Append-only: the next id is the number of entries."""
AFFINITY_EPOCH = b"{nb:affinity}:epoch"
"""Random id of the affinity dictionary: counters written under another dictionary cannot be misread."""
POPULATION = b"nb:population"
"""What all customers together did, sealed like one customer's counters."""
KILLS = b"nb:kills"
"""Hash: action id -> sealed kill. Read with every decision, so that a kill counts at once."""
VOLUMES = b"nb:volumes"
"""Hash: action id -> contacts with the whole population so far, as a decimal number."""
LOADED = b"nb:loaded"
"""msgpack: what the last load put here, for start-up messages and for people."""


MAX_IDENTITY_BYTES = 128
NAMESPACE_RULE = "a letter, then at most 31 letters, digits or underscores"
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Identity:
    """One name of a person: an id within a namespace, such as a cookie or a customer number."""

    namespace: str
    id: str

    @property
    def customer_key(self) -> str:
        """The Redis key of the hash that holds this person's state."""
        return f"nb:{{{self.namespace}:{self.id}}}"

    @property
    def faults(self) -> Mapping[str, str]:
        """What is wrong with the name, by field. The case of a namespace does not matter."""
        found = {}
        if _NAMESPACE.fullmatch(self.namespace) is None:
            found["namespace"] = NAMESPACE_RULE
        if not 1 <= len(self.id.encode()) <= MAX_IDENTITY_BYTES:
            found["id"] = f"1 to {MAX_IDENTITY_BYTES} bytes"
        return found
