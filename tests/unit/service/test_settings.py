from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nextbest_service.settings import Settings


def settings(**fields: Any) -> Settings:
    return Settings(home=Path("home"), catalog="grocery", **fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", 65_536),
        ("port", -1),
        ("metrics_port", 65_536),
        ("store_timeout_ms", 0),
        ("drain_seconds", -0.1),
        ("max_message_bytes", 0),
        ("log_level", "loud"),
        ("clock", "yesterday"),
        ("redis_url", "http://localhost"),
        ("no_such_setting", 1),
    ],
)
def test_a_setting_out_of_its_range_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**{field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("url", ["redis://localhost:6379/1", "rediss://u:p@h:1", "unix:///tmp/valkey.sock"])
def test_the_store_may_be_reached_in_three_ways(url: str) -> None:
    assert settings(redis_url=url).redis_url.get_secret_value() == url


def test_a_password_in_the_redis_url_is_not_shown_with_the_settings() -> None:
    assert "hunter2" not in repr(settings(redis_url="redis://shop:hunter2@localhost"))
    with pytest.raises(ValidationError) as caught:
        settings(redis_url="redis://shop:hunter2:6379")
    assert "hunter2" not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings().port = 1


def test_a_service_is_reachable_from_this_machine_only_unless_told_otherwise() -> None:
    assert settings().host == "127.0.0.1"


def test_every_worker_has_a_port_for_its_metrics() -> None:
    assert settings(workers=5, metrics_port=65_530).metrics_port == 65_530
    with pytest.raises(ValidationError, match="--metrics-port is at most 65529"):
        settings(workers=6, metrics_port=65_530)
