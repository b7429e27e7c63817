"""Durations as catalogs write them: `90d`, `36h`, `1d12h`."""

import re

DAY_MS = 86_400_000
PATTERN = r"(?=.)" + "".join(f"([0-9]{{1,9}}{unit})?" for unit in "ywdhms")

_UNITS_MS = {"y": 365 * DAY_MS, "w": 7 * DAY_MS, "d": DAY_MS, "h": 3_600_000, "m": 60_000, "s": 1_000}
_DURATION = re.compile(PATTERN)
_PART = re.compile(r"([0-9]+)([a-z])")


def duration_ms(text: str) -> int:
    """Read a duration: whole numbers with the units y (365 days), w, d, h, m and s, the largest first.

    Raises:
        ValueError: the text is no such duration.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"'{text}' is not a duration like 90d, 36h or 1d12h; the units are y w d h m s")
    return sum(int(amount) * _UNITS_MS[unit] for amount, unit in _PART.findall(text))


def show_duration(length_ms: int) -> str:
    """Return a duration in days, hours, minutes and seconds, `1d12h`, or in years where they are whole."""
    years, rest = divmod(length_ms, _UNITS_MS["y"])
    if years and not rest:
        return f"{years}y"
    parts = []
    for unit in "dhms":
        count, length_ms = divmod(length_ms, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
