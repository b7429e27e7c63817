"""What a load generator must know of HPACK: blocks as servers send them, byte by byte (RFC 7541)."""

from benchmarks.load.hpack import StatusReader

NEWEST, SECOND = b"\xbe", b"\xbf"  # the first two entries of the dynamic table


def added(name: bytes, value: bytes) -> bytes:
    """Return a header that goes into the table."""
    return b"\x40" + bytes([len(name)]) + name + bytes([len(value)]) + value


def test_a_status_is_found_again_by_its_place_in_the_table() -> None:
    reader = StatusReader()
    assert reader.status(added(b"grpc-status", b"0")) == b"0"
    assert reader.status(NEWEST) == b"0"


def test_the_same_bytes_mean_something_else_once_the_table_has_grown() -> None:
    reader = StatusReader()
    reader.status(added(b"grpc-status", b"0"))
    assert reader.status(NEWEST) == b"0"
    assert reader.status(added(b"grpc-status", b"14")) == b"14"
    assert reader.status(NEWEST) == b"14"
    assert reader.status(SECOND) == b"0"


def test_a_literal_that_is_not_kept_changes_nothing() -> None:
    reader = StatusReader()
    assert reader.status(b"\x00\x0bgrpc-status\x018") == b"8"
    reader.status(added(b"x", b"y"))
    assert reader.status(NEWEST) is None


def test_old_entries_make_room() -> None:
    reader = StatusReader()
    reader.status(added(b"grpc-status", b"0"))
    assert reader.status(b"\x20" + added(b"x", b"y")) is None  # a table of no size keeps nothing
    reader.status(b"\x3f\xe1\x1f" + added(b"grpc-status", b"13"))  # 4,096 bytes again
    assert reader.status(NEWEST) == b"13"
