"""Numbers one after another in a string of bytes."""

import struct
from collections.abc import Sequence

_CENTS = 100
_FLOATS, _WHOLES, _HUNDREDTHS = range(3)
_SCALES = {_WHOLES: 1, _HUNDREDTHS: _CENTS}
_EXACT = 1 << 53


class Writer:
    """Appends numbers."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def finished(self) -> bytes:
        """Return everything that was written."""
        return bytes(self._bytes)

    def whole(self, number: int) -> None:
        """Write an integer of at least 0, seven bits to a byte."""
        while number > 0x7F:  # noqa: PLR2004 - seven bits
            self._bytes.append(number & 0x7F | 0x80)
            number >>= 7
        self._bytes.append(number)

    def wholes(self, numbers: Sequence[int]) -> None:
        """Write integers of at least 0, all with the bytes that the largest needs."""
        size = (max(numbers, default=0).bit_length() + 7) // 8
        self._bytes.append(size)
        self._bytes += b"".join([number.to_bytes(size, "little") for number in numbers])

    def floats(self, numbers: Sequence[float]) -> None:
        """Write float64 numbers as they are."""
        self._bytes += struct.pack(f"<{len(numbers)}d", *numbers)

    def sparse(self, numbers: Sequence[float]) -> None:
        """Write float64 numbers of which many are 0."""
        self.whole(sum(1 << place for place, number in enumerate(numbers) if number))
        self.floats([number for number in numbers if number])

    def amounts(self, numbers: Sequence[float]) -> None:
        """Write float64 numbers which may all be whole, or whole cents."""
        for code, scale in _SCALES.items():
            scaled = [round(number * scale) if abs(number) < _EXACT else -1 for number in numbers]
            if all(whole >= 0 and whole / scale == n for whole, n in zip(scaled, numbers, strict=True)):
                self.whole(code)
                self.wholes(scaled)
                return
        self.whole(_FLOATS)
        self.floats(numbers)


class Reader:
    """Takes numbers off in the order in which they were written.

    Every method raises IndexError, ValueError or struct.error where the bytes are over.
    """

    __slots__ = ("_at", "_bytes")

    def __init__(self, blob: bytes) -> None:
        self._bytes = blob
        self._at = 0

    def finish(self) -> None:
        """Make sure that nothing is left.

        Raises:
            ValueError: something is.
        """
        if self._at != len(self._bytes):
            raise ValueError("there are bytes too many")

    def whole(self) -> int:
        """Read an integer."""
        number = shift = 0
        while True:
            byte = self._bytes[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return number
            shift += 7

    def wholes(self, count: int) -> list[int]:
        """Read integers of equal size."""
        size, begin = self._bytes[self._at], self._at + 1
        self._at = begin + size * count
        if self._at > len(self._bytes):
            raise ValueError("numbers are cut off")
        packed = self._bytes[begin : self._at]
        if size <= 1:
            return [*packed] if size else [0] * count
        return [int.from_bytes(packed[at : at + size], "little") for at in range(0, len(packed), size)]

    def floats(self, count: int) -> tuple[float, ...]:
        """Read float64 numbers."""
        found = struct.unpack_from(f"<{count}d", self._bytes, self._at)
        self._at += 8 * count
        return found

    def sparse(self, count: int) -> tuple[float, ...]:
        """Read float64 numbers of which many are 0."""
        filled = self.whole()
        numbers = iter(self.floats(filled.bit_count()))
        return tuple(next(numbers) if filled >> place & 1 else 0.0 for place in range(count))

    def amounts(self, count: int) -> tuple[float, ...]:
        """Read float64 numbers which may all be whole, or whole cents."""
        code = self.whole()
        if code == _FLOATS:
            return self.floats(count)
        return tuple(number / _SCALES[code] for number in self.wholes(count))
