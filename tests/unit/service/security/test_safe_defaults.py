"""What the service refuses to do unless somebody says that it is meant."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from nextbest_service.cli.app import app
from nextbest_service.security.loopback import is_loopback
from nextbest_service.settings import Settings

TLS = {"tls_cert": Path("tls.crt"), "tls_key": Path("tls.key")}
CALLERS = {"callers": Path("callers.yaml")}
WHOLE = {**TLS, **CALLERS, "production": True}


def settings(**fields: Any) -> Settings:
    return Settings(home=Path("home"), catalog="grocery", **fields)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "2001:db8::1", "example.org", ""])
def test_where_others_reach_it_the_service_listens_with_tls_or_a_word_only(host: str) -> None:
    with pytest.raises(ValidationError, match="--insecure"):
        settings(host=host)
    with pytest.raises(ValidationError, match="--insecure"):
        settings(host=host, **CALLERS)
    with pytest.raises(ValidationError, match="--admin-host"):
        settings(admin_host=host)
    assert settings(host=host, **TLS).host == host
    assert settings(host=host, insecure=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_alone_needs_no_tls(host: str) -> None:
    assert is_loopback(host)
    assert not settings(host=host).production


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"tls_cert": Path("tls.crt")}, "--tls-cert and --tls-key go together"),
        ({"tls_key": Path("tls.key")}, "--tls-cert and --tls-key go together"),
        ({"tls_client_ca": Path("ca.crt")}, "--tls-client-ca needs --tls-cert"),
        ({"production": True}, "--production needs"),
        ({"production": True, **TLS}, "--production needs"),
        ({"production": True, **CALLERS}, "--production needs"),
        ({**WHOLE, "insecure": True}, "exclude each other"),
    ],
)
def test_half_of_what_is_needed_is_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        settings(**fields)


def test_production_is_tls_and_callers() -> None:
    assert settings(**WHOLE, host="0.0.0.0").production


def test_the_command_tells_what_is_missing() -> None:
    result = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])
    assert result.exit_code == 2
    assert "--tls-cert" in result.output
