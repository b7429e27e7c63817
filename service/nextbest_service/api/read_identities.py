"""Reads the names of a person."""

from collections.abc import Collection

from nextbest.v1 import identity_pb2
from nextbest_service.api.findings import Findings
from nextbest_service.store.keys import Identity

MAX_IDENTITIES = 8


def read_identities(
    messages: Collection[identity_pb2.Identity], path: str, findings: Findings, least: int = 1
) -> tuple[Identity, ...]:
    """Return the names as they were sent; what is wrong with them goes to `findings`."""
    if not least <= len(messages) <= MAX_IDENTITIES:
        findings.reject(path, f"{least} to {MAX_IDENTITIES} identities are needed")
        return ()
    found = tuple([Identity(message.namespace, message.id) for message in messages])
    for index, identity in enumerate(found):
        if not identity.sound:
            _reject(identity, f"{path}[{index}]", findings)
    return found


def read_identity(message: identity_pb2.Identity, path: str, findings: Findings) -> Identity:
    """Return one name as it was sent."""
    identity = Identity(message.namespace, message.id)
    _reject(identity, path, findings)
    return identity


def _reject(identity: Identity, path: str, findings: Findings) -> None:
    for field, problem in identity.faults.items():
        findings.reject(f"{path}.{field}", problem)
