"""Answers of real decisions, kept in a file for the echo."""

from collections.abc import Sequence
from pathlib import Path

import msgpack


def write_answers(path: Path, answers: Sequence[bytes]) -> None:
    """Write answers, of which there is at least one."""
    path.write_bytes(msgpack.packb([*answers]))


def read_answers(path: Path) -> list[bytes]:
    """Return the answers of a file."""
    answers: list[bytes] = msgpack.unpackb(path.read_bytes())
    return answers
