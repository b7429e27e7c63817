"""Who is recognised, and above all who is not."""

import base64
import hashlib
import hmac
import json
import time
from math import inf

import jwt
import pytest
from authority import AUDIENCE, ISSUER, Signer
from cryptography.hazmat.primitives.asymmetric import ec

from nextbest_service.security.caller_tokens import make_token
from nextbest_service.security.callers import (
    Caller,
    Callers,
    Credentials,
    Grant,
    Known,
    TokenHolder,
    UnknownCallerError,
)
from nextbest_service.security.issuers import Issuer
from nextbest_service.security.permissions import Permissions
from nextbest_service.security.signing_keys import SigningKey

NOW = time.time()
DAY = 86_400  # longer than a run of the tests: PyJWT reads the clock, and NOW is when they were collected
LOGIN, OTHERS = Signer(), Signer()
WEBSITE, SHOP = Caller("website", Permissions()), Caller("shop", Permissions())
TOKEN, OTHER_TOKEN = make_token(), make_token()
ISSUER_KEYS = Issuer(
    ISSUER, AUDIENCE, frozenset({"RS256"}), (SigningKey("", LOGIN.key.public_key(), frozenset({"RS256"})),), 5
)


def callers(issuer: Issuer = ISSUER_KEYS, *grants: Grant) -> Callers:
    """Return a file's worth of callers."""
    return Callers(
        (WEBSITE, SHOP),
        {"spiffe://example.org/web": WEBSITE, "dns:web.internal": WEBSITE, "dns:shop.internal": SHOP},
        (
            TokenHolder(bytes.fromhex(TOKEN.sha256), Known(WEBSITE)),
            TokenHolder(bytes.fromhex(OTHER_TOKEN.sha256), Known(SHOP, NOW + 100)),
        ),
        grants or (Grant(ISSUER, "website", (), WEBSITE),),
        {issuer.issuer: issuer},
    )


def why(credentials: Credentials, of: Callers | None = None, now: float = NOW) -> str:
    """Return why nobody is recognised."""
    with pytest.raises(UnknownCallerError) as caught:
        (of or callers()).recognise(credentials, now)
    return caught.value.why


def by_token(token: str) -> Credentials:
    return Credentials(token=token)


def forged(header: dict[str, object], claims: dict[str, object], signature: bytes) -> str:
    """Return a token put together by hand."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "website", "exp": int(NOW) + DAY}


def test_a_static_token_is_recognised_as_a_whole_only() -> None:
    known = callers().recognise(by_token(TOKEN.token), NOW)
    assert known == Known(WEBSITE, inf)
    for part in (TOKEN.token[:-1], TOKEN.token + "x", TOKEN.token[:8], TOKEN.sha256, "", " " + TOKEN.token):
        assert why(by_token(part)) == "unknown_token"


def test_a_digest_that_begins_like_that_of_a_caller_is_nobodys() -> None:
    almost = bytes.fromhex(TOKEN.sha256)[:-1] + b"\0"
    of = Callers((WEBSITE,), {}, (TokenHolder(almost, Known(WEBSITE)),), (), {})
    assert why(by_token(TOKEN.token), of) == "unknown_token"


def test_a_static_token_ends_when_it_is_said_to() -> None:
    of = callers()
    assert of.recognise(by_token(OTHER_TOKEN.token), NOW + 99).caller is SHOP
    assert why(by_token(OTHER_TOKEN.token), of, NOW + 100) == "expired_token"


def test_a_jwt_is_recognised_until_it_expires_also_when_it_was_recognised_before() -> None:
    of, token = callers(), by_token(LOGIN.token(left=60))
    assert of.recognise(token, NOW).caller is WEBSITE
    until = of.recognise(token, NOW).until
    assert NOW + 60 <= until <= time.time() + 66  # with the leeway of 5 s
    assert of.recognise(token, until - 0.1).caller is WEBSITE
    assert why(token, of, until) == "expired_token"


def test_a_token_that_nobody_signed_is_refused() -> None:
    for algorithm in ("none", "None", "NONE", ""):
        assert why(by_token(forged({"alg": algorithm}, CLAIMS, b""))) in {"wrong_algorithm", "unusable_token"}
    assert why(by_token(jwt.encode(CLAIMS, None, algorithm="none"))) == "wrong_algorithm"


def test_the_public_key_is_no_shared_secret() -> None:
    header = {"alg": "HS256", "typ": "JWT"}
    unsigned = forged(header, CLAIMS, b"").rstrip(".")
    signature = hmac.new(LOGIN.public, unsigned.encode(), hashlib.sha256).digest()
    assert why(by_token(forged(header, CLAIMS, signature))) == "wrong_algorithm"


def test_an_algorithm_that_the_issuer_does_not_use_is_refused_even_with_its_key() -> None:
    assert why(by_token(LOGIN.token(algorithm="RS512"))) == "wrong_algorithm"
    assert why(by_token(LOGIN.token(algorithm="PS256"))) == "wrong_algorithm"


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (OTHERS.token(), "wrong_signature"),
        (LOGIN.token(aud="others"), "wrong_audience"),
        (LOGIN.token(without=["aud"]), "claim_missing"),
        (LOGIN.token(without=["exp"]), "claim_missing"),
        (LOGIN.token(without=["sub"]), "claim_missing"),
        (LOGIN.token(without=["iss"]), "unknown_issuer"),
        (LOGIN.token(iss="https://login.example.com"), "unknown_issuer"),
        (forged({"alg": "RS256"}, {**CLAIMS, "iss": [ISSUER]}, b"x"), "unknown_issuer"),
        (forged({"alg": "RS256"}, {**CLAIMS, "iss": None}, b"x"), "unknown_issuer"),
        (forged({"alg": "RS256", "kid": 7}, CLAIMS, b"x"), "unusable_token"),
        (LOGIN.token(left=-6), "expired_token"),
        (LOGIN.token(nbf=NOW + DAY), "token_not_valid_yet"),
        (LOGIN.token("stranger"), "unknown_subject"),
        (LOGIN.token()[:-4] + "AAAA", "wrong_signature"),
        ("a.b.c", "unusable_token"),
        ("..", "unusable_token"),
        ("é.é.é", "unusable_token"),
        ("x" * 9000 + "..", "token_too_long"),
        (LOGIN.token(pad="x" * 9000), "token_too_long"),
    ],
)
def test_a_token_that_proves_nothing_is_refused(token: str, said: str) -> None:
    assert why(by_token(token)) == said


def test_what_was_refused_is_not_remembered_and_neither_is_a_token() -> None:
    of = callers()
    why(by_token(OTHERS.token()), of)
    assert not of._proofs
    of.recognise(by_token(TOKEN.token), NOW)
    assert TOKEN.token not in repr(of._proofs)


def test_several_audiences_may_hold_ours() -> None:
    assert callers().recognise(by_token(LOGIN.token(aud=["others", AUDIENCE])), NOW).caller is WEBSITE


def test_of_several_keys_the_one_counts_that_the_token_names() -> None:
    keys = tuple(
        SigningKey(name, signer.key.public_key(), frozenset({"RS256"}))
        for name, signer in (("old", LOGIN), ("new", OTHERS))
    )
    of = callers(replace_keys(keys))
    for signer, kid in ((LOGIN, "old"), (OTHERS, "new")):
        assert of.recognise(by_token(signer.token(headers={"kid": kid})), NOW).caller is WEBSITE
    assert why(by_token(LOGIN.token(headers={"kid": "new"})), of) == "wrong_signature"
    assert why(by_token(LOGIN.token(headers={"kid": "other"})), of) == "unknown_key"
    assert why(by_token(LOGIN.token()), of) == "unknown_key"


def test_a_key_verifies_only_what_it_is_for() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    of = callers(
        replace_keys((SigningKey("", curve.public_key(), frozenset({"ES256"})),), {"ES256", "RS256"})
    )
    assert of.recognise(by_token(jwt.encode(CLAIMS, curve, algorithm="ES256")), NOW).caller is WEBSITE
    assert why(by_token(LOGIN.token()), of) == "wrong_algorithm"


def test_claims_tell_callers_of_one_subject_apart() -> None:
    grants = [Grant(ISSUER, "team", (("scope", scope),), who) for scope, who in (("a", WEBSITE), ("b", SHOP))]
    of = callers(ISSUER_KEYS, *grants)
    assert of.recognise(by_token(LOGIN.token("team", scope="a")), NOW).caller is WEBSITE
    assert of.recognise(by_token(LOGIN.token("team", scope=["b", "c"])), NOW).caller is SHOP
    assert why(by_token(LOGIN.token("team", scope="ab")), of) == "unknown_subject"
    assert why(by_token(LOGIN.token("team")), of) == "unknown_subject"
    assert why(by_token(LOGIN.token("team", scope=["a", "b"])), of) == "ambiguous_token"


def test_names_in_certificates_are_those_of_one_caller() -> None:
    known = [
        callers().recognise(Credentials(names=(it,)), NOW)
        for it in ("spiffe://example.org/web", "dns:web.internal")
    ]
    assert known == [Known(WEBSITE), Known(WEBSITE)]
    assert why(Credentials(names=("dns:other.internal",))) == "unknown_certificate"
    assert why(Credentials(names=("dns:web.internal", "dns:shop.internal"))) == "ambiguous_certificate"
    assert why(Credentials(names=("web.internal",))) == "unknown_certificate"
    assert why(Credentials()) == "no_credentials"


def test_a_bad_token_is_not_made_good_by_a_certificate() -> None:
    assert why(Credentials("guessed", ("dns:web.internal",))) == "unknown_token"
    assert why(Credentials("", ("dns:web.internal",))) == "unknown_token"


def test_no_token_shows_in_what_is_printed() -> None:
    assert TOKEN.token not in repr(Credentials(token=TOKEN.token))


def test_tokens_are_different_and_their_hash_is_that_of_the_shell() -> None:
    assert hashlib.sha256(TOKEN.token.encode()).hexdigest() == TOKEN.sha256
    assert len({make_token().token for _ in range(50)}) == 50
    assert len(TOKEN.token) >= 43


def replace_keys(keys: tuple[SigningKey, ...], algorithms: set[str] | None = None) -> Issuer:
    """Return the issuer with other keys."""
    return ISSUER_KEYS._replace(keys=keys, algorithms=frozenset(algorithms or {"RS256"}))
