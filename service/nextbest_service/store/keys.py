"""Where things live in Redis. All of one customer shares a hash tag, so a cluster keeps it on one node."""

from dataclasses import dataclass

VECTOR = b"v"
COUNTERS = b"a"
FACTS = b"f"
CUSTOMER_FIELDS = (VECTOR, COUNTERS, FACTS)

VECTOR_SCHEMAS = b"nb:vector-schemas"
"""Hash: vector schema id -> the schema. Entries are never changed or removed."""
AFFINITY_KEYS = b"{nb:affinity}:keys"
"""Hash: msgpack [family, key] -> id. Append-only: the next id is the number of entries."""
AFFINITY_EPOCH = b"{nb:affinity}:epoch"
"""Random id of the affinity dictionary: counters written under another dictionary cannot be misread."""
POPULATION = b"nb:population"
"""What all customers together did, sealed like one customer's counters."""
LOADED = b"nb:loaded"
"""msgpack: what the last load put here, for start-up messages and for people."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One name of a person: an id within a namespace, such as a cookie or a customer number."""

    namespace: str
    id: str

    @property
    def customer_key(self) -> str:
        """The Redis key of the hash that holds this person's state."""
        return f"nb:{{{self.namespace}:{self.id}}}"
