import pytest

from nextbest_service.store.connection import check_url, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://shop:hunter2@localhost:6379/0", "redis://localhost:6379/0"),
        ("rediss://:hunter2@10.0.0.1", "rediss://10.0.0.1"),
        ("redis://shop:p@ss@host:1", "redis://host:1"),
        ("unix:///tmp/valkey.sock", "unix:///tmp/valkey.sock"),
        ("unix://shop:hunter2@/tmp/valkey.sock?db=1", "unix:///tmp/valkey.sock"),
        ("redis://localhost?password=hunter2#hunter2", "redis://localhost"),
        ("redis://[::1]:6379", "redis://[::1]:6379"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize("url", ["redis://", "redis://host", "rediss://u:p@host:1/2", "unix:///a?db=1"])
def test_a_url_that_can_be_used_passes(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize("url", ["", "host:1", "http://host", "unix://", "redis://h:x", "redis://h?x=1"])
def test_a_url_that_cannot_be_used_is_refused_with_examples_of_good_ones(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis://host:6379/0, .* or unix:///path"):
        check_url(url)
