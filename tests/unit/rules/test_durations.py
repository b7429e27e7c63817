import pytest

from nextbest_rules.durations import duration_ms, show_duration

SECOND = 1_000
DAY = 86_400 * SECOND


@pytest.mark.parametrize(
    ("text", "length_ms"),
    [
        ("1s", SECOND),
        ("15m", 15 * 60 * SECOND),
        ("36h", 36 * 3_600 * SECOND),
        ("90d", 90 * DAY),
        ("2w", 14 * DAY),
        ("1y", 365 * DAY),
        ("1d12h", 36 * 3_600 * SECOND),
        ("1y2w3d4h5m6s", 382 * DAY + (4 * 3_600 + 5 * 60 + 6) * SECOND),
        ("0d", 0),
    ],
)
def test_durations_are_read_in_milliseconds(text: str, length_ms: int) -> None:
    assert duration_ms(text) == length_ms


@pytest.mark.parametrize(
    "text", ["", "90", "d", "12h1d", "1d1d", "1.5d", "-3d", "3 d", "3mo", "٣d", "3d\n", "1D"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration like 90d"):
        duration_ms(text)


@pytest.mark.parametrize("text", ["1s", "15m", "1h30m", "1d12h", "14d", "1y", "10d"])
def test_a_shown_duration_reads_as_it_was_written(text: str) -> None:
    assert show_duration(duration_ms(text)) == text
