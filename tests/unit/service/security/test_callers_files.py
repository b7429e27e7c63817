"""Files of callers: read strictly, every fault at once and with its place, and no secret repeated."""

import json
from pathlib import Path

import pytest
from authority import AUDIENCE, ISSUER, Signer

from nextbest_service.decisions.request import ExplainLevel
from nextbest_service.security.caller_tokens import make_token
from nextbest_service.security.callers import Credentials
from nextbest_service.security.callers_file import read_callers
from nextbest_service.yaml_files import BrokenFileError

DECIDES = "rpcs: [DecisionService/Decide], channels: ['*'], placements: ['*'], brands: ['*']"
SIGNER = Signer()


def faults(directory: Path, text: str) -> list[str]:
    """Return what is wrong with a file, with line and column."""
    file = directory / "callers.yaml"
    file.write_text(text)
    with pytest.raises(BrokenFileError) as caught:
        read_callers(file)
    return [f"{it.line}:{it.column}: {it.message}" for it in caught.value.diagnostics]


def test_a_sound_file_says_who_may_do_what(tmp_path: Path) -> None:
    made = make_token()
    (tmp_path / "login.pem").write_bytes(SIGNER.public)
    (tmp_path / "callers.yaml").write_text(f"""
issuers:
  - {{issuer: {ISSUER}, audience: {AUDIENCE}, algorithms: [RS256], pem: login.pem}}
callers:
  - name: website
    certificates: [{{spiffe: "spiffe://example.org/web"}}, {{dns: Web.Internal}}]
    tokens: [{{sha256: {made.sha256}}}]
    jwts: [{{issuer: {ISSUER}, subject: website, claims: {{scope: decide}}}}]
    rpcs: [DecisionService/Decide, OutcomeService/*]
    channels: [web]
    placements: [home]
    brands: ["*"]
    explain: exclusions
  - name: erasure
    certificates: [{{dns: erasure.internal}}]
    rpcs: [CustomerService/EraseCustomer]
""")
    reading = read_callers(tmp_path / "callers.yaml")
    assert reading.files == (tmp_path / "callers.yaml", tmp_path / "login.pem")
    ways = [
        Credentials(names=("spiffe://example.org/web",)),
        Credentials(names=("dns:web.internal",)),
        Credentials(token=made.token),
        Credentials(token=SIGNER.token(scope=["other", "decide"])),
    ]
    website, *others = (reading.value.recognise(way, 0.0).caller for way in ways)
    assert others == [website] * 3
    assert website.permissions.rpcs == {
        "nextbest.v1.DecisionService.Decide",
        "nextbest.v1.OutcomeService.ReportOutcomes",
    }
    assert website.permissions.placements.hold(["home"])
    assert not website.permissions.placements.hold(["home", "card"])
    assert website.permissions.brands.any
    assert website.permissions.explain is ExplainLevel.EXCLUSIONS
    erasure = reading.value.recognise(Credentials(names=("dns:erasure.internal",)), 0.0).caller.permissions
    assert not erasure.channels.hold(["web"])
    assert erasure.rpcs == {"nextbest.v1.CustomerService.EraseCustomer"}


def test_every_fault_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    sha256 = "a" * 64
    text = f"""\
issuers:
  - {{issuer: a, audience: b, algorithms: [RS256], pem: none.pem}}
  - {{issuer: a, audience: b, algorithms: [RS256]}}
callers:
  - name: web
    tokens: [{{sha256: {sha256}}}, {{sha256: {sha256}}}]
    jwts: [{{issuer: aa, subject: x}}]
    rpcs: [DecisionService/Decid, OutcomeService/ReportOutcomes]
  - name: web
    rpcs: [DecisionService/Decide]
    channels: ["*", web]
    placements: []
  - name: cert
    certificates: [{{spiffe: "spiffe://a/b", dns: c}}, {{}}]
    rpcs: [OutcomeService/*]
"""
    assert faults(tmp_path, text) == [
        "2:56: cannot be read: No such file or directory",
        "3:5: either `pem` or `jwks` names the issuer's keys",
        "3:14: this issuer stands here for the second time",
        "6:90: this token stands here for the second time",
        "7:21: no such issuer in `issuers`; did you mean 'a'?",
        "8:12: no such RPC 'DecisionService/Decid'; did you mean 'DecisionService/Decide'?",
        "9:5: field 'brands' is missing, for this caller may decide; [\"*\"] is any",
        "9:5: nothing to recognise the caller by: certificates, tokens or jwts",
        "9:11: this name stands here for the second time",
        '11:15: "*" is any, and stands alone',
        "14:20: either `spiffe` or `dns` names it",
        "14:54: either `spiffe` or `dns` names it",
    ]


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ("tokens: [{sha256: hunter2}]", "not a SHA-256 in lower-case hex"),
        ("tokens: [{token: hunter2}]", "unknown field 'token'"),
        ("certificates: [{dns: '*.internal'}]", "not a host name; wildcards are not accepted"),
        ("certificates: [{spiffe: 'https://example.org'}]", "not a SPIFFE id"),
        ("certificates: []\n    colour: red", "unknown field 'colour'"),
    ],
)
def test_what_is_malformed_is_told_and_not_repeated(tmp_path: Path, field: str, fault: str) -> None:
    found = faults(tmp_path, f"callers:\n  - name: web\n    {field}\n    rpcs: [OutcomeService/*]\n")
    assert any(fault in it for it in found)
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize("algorithm", ["HS256", "none", "rs256"])
def test_no_algorithm_with_a_shared_secret_or_without_any_can_be_named(
    tmp_path: Path, algorithm: str
) -> None:
    (tmp_path / "login.pem").write_bytes(SIGNER.public)
    issuer = f"{{issuer: {ISSUER}, audience: x, algorithms: [{algorithm}], pem: login.pem}}"
    text = f"issuers: [{issuer}]\ncallers: [{{name: a, certificates: [{{dns: a}}], {DECIDES}}}]\n"
    assert "expected 'RS256'" in faults(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"keys": [{"kty": "oct", "k": "aHVudGVyMg", "kid": "a"}]}, "holds a secret key"),
        ({"keys": [SIGNER.jwk("a", d="AQAB")]}, "holds a secret key"),
        ({"keys": [SIGNER.jwk("a"), SIGNER.jwk("a")]}, "several keys need a `kid` each"),
        ({"keys": [SIGNER.jwk("a", alg="ES256")]}, "holds a key"),
        ({"keys": [SIGNER.jwk("a", use="enc")]}, "holds no key for signatures"),
        ({"keys": []}, "holds no key for signatures"),
        ({"keys": [{"kty": "RSA", "kid": "a"}]}, "holds a key that cannot be read"),
        ([], "is no JSON Web Key Set"),
    ],
)
def test_keys_that_must_not_verify_anything_are_refused(tmp_path: Path, content: object, fault: str) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(content))
    issuer = f"{{issuer: {ISSUER}, audience: x, algorithms: [RS256], jwks: keys.json}}"
    text = f"issuers: [{issuer}]\ncallers: [{{name: a, certificates: [{{dns: a}}], {DECIDES}}}]\n"
    (found,) = faults(tmp_path, text)
    assert fault in found
    assert "aHVudGVyMg" not in found


def test_an_issuer_whose_keys_none_of_its_algorithms_is_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "login.pem").write_bytes(SIGNER.public)
    issuer = f"{{issuer: {ISSUER}, audience: x, algorithms: [ES256, EdDSA], pem: login.pem}}"
    text = f"issuers: [{issuer}]\ncallers: [{{name: a, certificates: [{{dns: a}}], {DECIDES}}}]\n"
    assert "none of them is for the issuer's keys" in faults(tmp_path, text)[0]
