"""The shape of a callers file."""

from typing import Annotated, Literal

from pydantic import Field

from nextbest_rules.loading.documents.fields import Distinct, Document, Id, Instant, Text, Unique, matching

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Only those with a public key: there is no secret to share, and none to mistake for a public key."""

Spiffe = Annotated[
    str,
    matching(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+", "not a SPIFFE id: spiffe://domain/path"),
]
HostName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*",
        "not a host name; wildcards are not accepted",
    ),
]
Sha256 = Annotated[
    str, matching(r"[0-9a-f]{64}", "not a SHA-256 in lower-case hex; `nextbest callers token` prints one")
]


class IssuerDocument(Document):
    """Somebody who signs JWTs."""

    issuer: Text = Field(description="The claim `iss` of its tokens.")
    audience: Text = Field(description="What the claim `aud` has to name: us.")
    algorithms: Distinct[Algorithm] = Field(description="The algorithms that are accepted.")
    pem: Text | None = Field(default=None, description="File with the public key, or a certificate with it.")
    jwks: Text | None = Field(default=None, description="File with a JSON Web Key Set.")
    leeway_seconds: int = Field(default=10, ge=0, le=60, description="How far clocks may differ.")


class CertificateDocument(Document):
    """A name in client certificates: one of the two."""

    spiffe: Spiffe | None = Field(default=None, description="SPIFFE id, the only URI in the certificate.")
    dns: HostName | None = Field(default=None, description="DNS name among its subject alternative names.")


class TokenDocument(Document):
    """A static token, by its hash."""

    sha256: Sha256 = Field(description="SHA-256 of the token.")
    expires: Instant | None = Field(default=None, description="When it ends to be accepted.")


class JwtDocument(Document):
    """What JWTs of a caller say."""

    issuer: Text = Field(description="One of `issuers`.")
    subject: Text = Field(description="The claim `sub`.")
    claims: dict[str, str] = Field(
        default={}, description="Further claims with their values; one that is a list has to hold the value."
    )


class QuotaDocument(Document):
    """How much a caller may ask."""

    per_second: float = Field(gt=0, le=1_000_000, description="Calls and questions in the long run.")
    burst: float = Field(ge=1, le=1_000_000, description="At once, after a pause.")


class CallerDocument(Document):
    """One caller: who it is, and what it may do."""

    name: Id = Field(description="For logs.")
    certificates: list[CertificateDocument] = Field(default=[], description="Names in its certificate.")
    tokens: list[TokenDocument] = Field(default=[], description="Its static tokens.")
    jwts: list[JwtDocument] = Field(default=[], description="Its JWTs.")
    rpcs: Distinct[Text] = Field(description="Such as DecisionService/Decide or OutcomeService/*.")
    channels: Unique[Text] | None = Field(default=None, description='Of decisions; ["*"] is any.')
    placements: Unique[Text] | None = Field(default=None, description='Of decisions; ["*"] is any.')
    brands: Unique[Text] | None = Field(default=None, description='Of decisions; ["*"] is any.')
    explain: Literal["none", "exclusions", "full"] = Field(
        default="none", description="The most that decisions explain."
    )
    priority: Literal["contact_centre", "web", "bulk"] = Field(
        default="web", description="How urgent its calls are when not everybody can be answered."
    )
    quota: QuotaDocument | None = Field(default=None, description="How much it may ask; none is no limit.")


class CallersDocument(Document):
    """All callers."""

    issuers: list[IssuerDocument] = Field(default=[], description="Who signs JWTs.")
    callers: list[CallerDocument] = Field(min_length=1, description="Who may call.")
