"""Values at the edge of what types can hold, and texts that mean something to somebody further inside."""

import math

from hypothesis import strategies as st
from running_service import CANARY

NOW_MS = 1_772_420_400_000
"""Where the clock of the bank's catalog stands, 2026-03-02T03:00:00Z."""
USUAL_TIMES = st.sampled_from([NOW_MS, NOW_MS - 1, NOW_MS - 3_600_000, NOW_MS - 40 * 86_400_000])
USUAL_INTEGERS = st.sampled_from([0, 1, 2])
YEAR_10000_MS = 253_402_300_800_000
TEXTS = st.sampled_from(
    [
        "",
        "\0",
        "a\0b",
        " ",
        "\r\n",
        "\x1b[2J",
        "nb:{x}:*",
        "{}:*?[a]",
        "%s%n{0}",
        "../../etc/passwd",
        "'; --",
        "\u202eevil",
        "\ufeff",
        "\u00e9",
        "e\u0301",
        "ß",
        "İ",
        "😀" * 3,
        "\U0010ffff",
        "\uffff",
        "\u0661",
        "NaN",
        "null",
        '{"a":1}',
        CANARY,
        "a" * 33,
        "a" * 64,
        "a" * 65,
        "é" * 64,
        "a" * 129,
        "a" * 1024,
        "a" * 1025,
        "😀" * 256,
        "z" * 5000,
    ]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
INTEGERS = st.sampled_from(
    [
        0,
        1,
        -1,
        99,
        1000,
        1001,
        2**31 - 1,
        -(2**31),
        2**53,
        2**53 + 1,
        2**63 - 1,
        -(2**63),
        -(2**63) + 1,
        NOW_MS,
        NOW_MS - 60_000,
        NOW_MS + 60_000,
        NOW_MS + 301_000,
        NOW_MS - 30 * 86_400_000,
        -1 - NOW_MS,
        YEAR_10000_MS - 1,
        YEAR_10000_MS,
        -62_135_596_800_000,
        -62_135_596_800_001,
    ]
)
FLOATS = st.sampled_from(
    [
        math.nan,
        math.nan,
        math.inf,
        -math.inf,
        -0.0,
        5e-324,
        -1.0,
        1e15,
        -1e15,
        1.1e15,
        3.5e38,
        1.7e308,
        2.0**53,
        0.1,
    ]
)
WIRE_NOISE = st.sampled_from(
    [
        b"\xff" * 11,  # a number without end
        b"\x00",  # field 0
        b"\x0b" * 200,  # groups within groups
        b"\xf8\xff\xff\xff\x0f\x01",  # a field with the largest number, unknown and sound
        b"\xfa\x3f\x03abc",  # an unknown text
        b"\x0a\xff\xff\xff\xff\x07",  # longer than anything
        b"\x0a\x02\xc3\x28",  # no UTF-8
        b"\x0a\x03\xed\xa0\x80",  # a lone surrogate
    ]
)
