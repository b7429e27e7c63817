"""What commands say to options that they cannot use."""

import pytest
from typer.testing import CliRunner

from nextbest_service.cli.app import app

SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@localhost",
        f"redis://user:{SECRET}:6379",
        f"redis://user:{SECRET}@localhost:port",
        f"redis://user:{SECRET}@localhost:99999",
        f"redis://user:{SECRET}@[::1",
        f"redis://user:{SECRET}@localhost?no_such_option=1",
        f"redis://user:{SECRET}@localhost?socket_timeout=soon",
        "localhost:6379",
        "unix://",
        "redis",
    ],
)
@pytest.mark.parametrize(
    "command", [["serve"], ["load", "grocery"], ["load", "customers", __file__], ["catalog", "kills"]]
)
def test_a_redis_url_that_cannot_be_used_is_wrong_usage_and_not_repeated(
    command: list[str], url: str
) -> None:
    result = CliRunner().invoke(app, [*command, "--redis-url", url])
    assert result.exit_code == 2
    assert "--redis-url" in result.output
    assert "redis://host:6379/0" in result.output
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--clock", "yesterday"),
        ("--clock", "2024-13-01"),
        ("--port", "65536"),
        ("--port", "-1"),
        ("--store-timeout-ms", "0"),
        ("--drain-seconds", "-1"),
        ("--log-level", "loud"),
        ("--log-format", "xml"),
    ],
)
def test_an_option_out_of_its_range_is_wrong_usage(option: str, value: str) -> None:
    result = CliRunner().invoke(app, ["serve", option, value])
    assert result.exit_code == 2
    assert option in result.output
