"""Reads requests to link, unlink, show, export and erase."""

from collections.abc import Sequence
from dataclasses import dataclass

from nextbest.v1 import customer_pb2, identity_pb2
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_identities import read_identities, read_identity
from nextbest_service.api.read_item import check_id
from nextbest_service.customers.naming import Naming
from nextbest_service.store.keys import Identity

MAX_CONTACTS = 500
DEFAULT_CONTACTS = 50
LEAST_TO_LINK = 2


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """Names of one person; `at_ms` None is now."""

    identities: tuple[Identity, ...]
    source: str
    at_ms: int | None = None


def read_link(message: customer_pb2.LinkIdentitiesRequest, naming: Naming) -> LinkRequest:
    """Return what is to be linked. Whether its time is too far ahead is not known yet.

    Raises:
        InvalidRequestError: the request breaks the contract.
    """
    findings = Findings()
    identities = read_identities(message.identities, "identities", findings, least=LEAST_TO_LINK)
    check_id(message.source, "source", findings)
    findings.require(message.time_unix_ms >= 0, "time_unix_ms", "0 is now; not before 1970")
    _check_one_per_person(identities, naming, findings)
    findings.raise_if_any()
    return LinkRequest(identities, message.source, message.time_unix_ms or None)


def read_unlink(message: customer_pb2.UnlinkIdentitiesRequest) -> LinkRequest:
    """Return what is to be unlinked.

    Raises:
        InvalidRequestError: the request breaks the contract.
    """
    findings = Findings()
    identities = read_identities(message.identities, "identities", findings)
    check_id(message.source, "source", findings)
    findings.raise_if_any()
    return LinkRequest(identities, message.source)


def read_erase(message: customer_pb2.EraseCustomerRequest) -> LinkRequest:
    """Return who is to be erased.

    Raises:
        InvalidRequestError: the request breaks the contract.
    """
    findings = Findings()
    identity = read_identity(message.identity, "identity", findings)
    check_id(message.source, "source", findings)
    findings.raise_if_any()
    return LinkRequest((identity,), message.source)


def read_asked(message: identity_pb2.Identity) -> Identity:
    """Return who is asked for.

    Raises:
        InvalidRequestError: the name breaks the contract.
    """
    findings = Findings()
    identity = read_identity(message, "identity", findings)
    findings.raise_if_any()
    return identity


def read_contact_limit(limit: int) -> int:
    """Return how many contacts are wanted.

    Raises:
        InvalidRequestError: it is out of bounds.
    """
    findings = Findings()
    findings.require(
        0 <= limit <= MAX_CONTACTS, "contact_limit", f"0 to {MAX_CONTACTS}; 0 is {DEFAULT_CONTACTS}"
    )
    findings.raise_if_any()
    return limit or DEFAULT_CONTACTS


def _check_one_per_person(identities: Sequence[Identity], naming: Naming, findings: Findings) -> None:
    names = naming.who(identities).names
    for index, name in enumerate(names):
        findings.require(
            naming.may_join(name, names[:index]),
            f"identities[{index}]",
            "a person has one of this namespace only",
        )
