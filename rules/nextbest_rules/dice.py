"""Chance that can be told again: numbers made of digests instead of drawn."""


def fraction(digest: bytes) -> float:
    """Return a number in [0, 1) made of 8 bytes, as evenly spread as they are."""
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)  # a double has 53 bits: more would round up to 1
