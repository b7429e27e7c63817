"""Reads the file of callers: strictly, every fault at once, all or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from nextbest_rules import Diagnostic
from nextbest_rules.loading.suggestions import suggestion
from nextbest_rules.loading.yaml_nodes import Node, find
from nextbest_service.decisions.request import ExplainLevel
from nextbest_service.overload.priorities import Priority
from nextbest_service.overload.quotas import Quota
from nextbest_service.security.caller_documents import (
    CallerDocument,
    CallersDocument,
    CertificateDocument,
    IssuerDocument,
    JwtDocument,
)
from nextbest_service.security.callers import Caller, Callers, Grant, Known, TokenHolder
from nextbest_service.security.issuers import Issuer
from nextbest_service.security.last_good import Reading
from nextbest_service.security.permissions import ANY_NAME, Names, Permissions
from nextbest_service.security.policies import ANY, POLICIES, permittable
from nextbest_service.security.signing_keys import KeyFileError, SigningKey, read_jwks, read_pem
from nextbest_service.yaml_files import BrokenFileError, read_yaml_file

Path_: TypeAlias = tuple[str | int, ...]
_SCOPES = ("channels", "placements", "brands")


class _Fault(NamedTuple):
    path: Path_
    message: str


def read_callers(path: Path) -> Reading[Callers]:
    """Return the callers in a file, and the files that say so.

    Raises:
        BrokenFileError: the file, or one of the keys that it names, cannot be used; every fault is listed.
    """
    document, root = read_yaml_file(path, CallersDocument)
    issuers, faults = _issuers(document, path.parent)
    faults += [*_duplicates(document), *_wrong_callers(document)]
    if faults:
        raise BrokenFileError(sorted(_placed(root, str(path), fault) for fault in faults))
    files = [path.parent / name for it in document.issuers if (name := it.pem or it.jwks)]
    return Reading(_assembled(document.callers, issuers), (path, *files))


def _placed(root: Node, file: str, fault: _Fault) -> Diagnostic:
    place = find(root, fault.path).place
    return Diagnostic(file, place.line, place.column, fault.message)


def _issuers(document: CallersDocument, directory: Path) -> tuple[dict[str, Issuer], list[_Fault]]:
    issuers: dict[str, Issuer] = {}
    faults: list[_Fault] = []
    for index, it in enumerate(document.issuers):
        try:
            keys = _keys(it, directory)
        except KeyFileError as error:
            field = "jwks" if it.jwks else "pem"
            faults.append(_Fault(("issuers", index, field), str(error)))
            continue
        allowed = frozenset[str](it.algorithms)
        if not all(allowed & key.algorithms for key in keys):
            faults.append(_Fault(("issuers", index, "algorithms"), "none of them is for the issuer's keys"))
        issuers[it.issuer] = Issuer(it.issuer, it.audience, allowed, keys, it.leeway_seconds)
    return issuers, faults


def _keys(issuer: IssuerDocument, directory: Path) -> tuple[SigningKey, ...]:
    if (issuer.pem is None) == (issuer.jwks is None):
        raise KeyFileError("either `pem` or `jwks` names the issuer's keys")
    if issuer.pem is not None:
        return read_pem(directory / issuer.pem)
    assert issuer.jwks is not None
    return read_jwks(directory / issuer.jwks)


def _duplicates(document: CallersDocument) -> Iterator[_Fault]:
    """Yield what stands twice: who calls could not be told then."""
    seen: dict[object, None] = {}
    for path, key, what in _identifying(document):
        if key in seen:
            yield _Fault(path, f"this {what} stands here for the second time")
        seen[key] = None


def _identifying(document: CallersDocument) -> Iterator[tuple[Path_, object, str]]:
    for index, issuer in enumerate(document.issuers):
        yield ("issuers", index, "issuer"), ("issuer", issuer.issuer), "issuer"
    for index, caller in enumerate(document.callers):
        path: Path_ = ("callers", index)
        yield (*path, "name"), ("name", caller.name), "name"
        for place, certificate in enumerate(caller.certificates):
            yield (*path, "certificates", place), _certificate_name(certificate), "certificate"
        for place, token in enumerate(caller.tokens):
            yield (*path, "tokens", place), ("token", token.sha256), "token"
        for place, jwt in enumerate(caller.jwts):
            yield (*path, "jwts", place), _jwt_key(jwt), "JWT"


def _certificate_name(certificate: CertificateDocument) -> str:
    return certificate.spiffe or f"dns:{(certificate.dns or '').lower()}"


def _jwt_key(jwt: JwtDocument) -> tuple[object, ...]:
    return jwt.issuer, jwt.subject, *sorted(jwt.claims.items())


def _wrong_callers(document: CallersDocument) -> Iterator[_Fault]:
    issuers = [it.issuer for it in document.issuers]
    known = permittable()
    for index, caller in enumerate(document.callers):
        path: Path_ = ("callers", index)
        if not (caller.certificates or caller.tokens or caller.jwts):
            yield _Fault(path, "nothing to recognise the caller by: certificates, tokens or jwts")
        for place, certificate in enumerate(caller.certificates):
            if (certificate.spiffe is None) == (certificate.dns is None):
                yield _Fault((*path, "certificates", place), "either `spiffe` or `dns` names it")
        for place, jwt in enumerate(caller.jwts):
            if jwt.issuer not in issuers:
                message = f"no such issuer in `issuers`{suggestion(jwt.issuer, issuers)}"
                yield _Fault((*path, "jwts", place, "issuer"), message)
        for place, rpc in enumerate(caller.rpcs):
            if rpc not in known:
                yield _Fault((*path, "rpcs", place), f"no such RPC '{rpc}'{suggestion(rpc, known)}")
        yield from _wrong_scopes(path, caller, known)


def _wrong_scopes(
    path: Path_, caller: CallerDocument, known: Mapping[str, frozenset[str]]
) -> Iterator[_Fault]:
    decides = any(POLICIES[rpc].scoped for name in caller.rpcs for rpc in known.get(name, ()))
    for field in _SCOPES:
        names: list[str] | None = getattr(caller, field)
        if names is None and decides:
            yield _Fault(path, f"field '{field}' is missing, for this caller may decide; [\"{ANY}\"] is any")
        if names is not None and ANY in names and len(names) > 1:
            yield _Fault((*path, field), f'"{ANY}" is any, and stands alone')


def _assembled(documents: Sequence[CallerDocument], issuers: Mapping[str, Issuer]) -> Callers:
    names: dict[str, Caller] = {}
    tokens: list[TokenHolder] = []
    grants: list[Grant] = []
    every = tuple(map(_caller, documents))
    for caller, document in zip(every, documents, strict=True):
        names |= dict.fromkeys(map(_certificate_name, document.certificates), caller)
        for token in document.tokens:
            known = Known(caller) if token.expires is None else Known(caller, token.expires / 1000)
            tokens.append(TokenHolder(bytes.fromhex(token.sha256), known))
        grants += [
            Grant(jwt.issuer, jwt.subject, tuple(sorted(jwt.claims.items())), caller) for jwt in document.jwts
        ]
    return Callers(every, names, tuple(tokens), tuple(grants), issuers)


def _caller(document: CallerDocument) -> Caller:
    limit = document.quota
    quota = None if limit is None else Quota(limit.per_second, limit.burst)
    return Caller(document.name, _permissions(document), Priority(document.priority), quota)


def _permissions(document: CallerDocument) -> Permissions:
    known = permittable()
    return Permissions(
        rpcs=frozenset(rpc for name in document.rpcs for rpc in known[name]),
        channels=_names(document.channels),
        placements=_names(document.placements),
        brands=_names(document.brands),
        explain=ExplainLevel[document.explain.upper()],
    )


def _names(names: Sequence[str] | None) -> Names:
    return ANY_NAME if names == [ANY] else Names(frozenset(names or ()))
