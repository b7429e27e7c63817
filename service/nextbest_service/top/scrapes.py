"""Reads the metrics of processes that serve, and what grew from one reading to the next."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import NamedTuple, TypeAlias

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_SECONDS = 5.0

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""
Values: TypeAlias = Mapping[tuple[str, Labels], float]


class Scrape(NamedTuple):
    """What one process said, and when (seconds of a clock that never goes back).

    `values` are None where it did not answer; `problem` says why.
    """

    address: str
    at: float
    values: Values | None
    problem: str = ""


class Window(NamedTuple):
    """What happened between two readings: by how much series grew per second, and their values at the end.

    Both are of all processes together. `ends` are the last readings, `own` the growth of each process.
    """

    grown: Values
    now: Values
    ends: tuple[Scrape, ...]
    own: tuple[Values, ...]


def scrape(addresses: Sequence[str]) -> list[Scrape]:
    """Read all processes at the same time."""
    with ThreadPoolExecutor(len(addresses)) as threads:
        return [*threads.map(_scrape_one, addresses)]


def window(before: Iterable[Scrape], after: Iterable[Scrape]) -> Window:
    """Return what happened between two readings of the same processes.

    A counter that is lower than before began anew: then it grew by all it has.
    """
    pairs = [*zip(before, after, strict=True)]
    own = tuple(_growth(first, last) for first, last in pairs)
    ends = tuple(last for _, last in pairs)
    return Window(_sum(own), _sum(last.values or {} for last in ends), ends, own)


def parse(text: str) -> Values:
    """Return the values of all series of an exposition.

    Raises:
        ValueError: it is none.
    """
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _scrape_one(address: str) -> Scrape:
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=TIMEOUT_SECONDS) as answer:
            values = parse(answer.read().decode())
    except (OSError, ValueError, HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        told = (
            type(error).__name__ if isinstance(error, HTTPException) else str(reason)
        )  # its text is bytes of others
        return Scrape(address, time.monotonic(), None, told)
    return Scrape(address, time.monotonic(), values)


def _growth(first: Scrape, last: Scrape) -> Values:
    """Return by how much all series grew per second; nothing where a reading is missing."""
    if first.values is None or last.values is None or last.at <= first.at:
        return {}
    seconds, found = last.at - first.at, dict[tuple[str, Labels], float]()
    for key, value in last.values.items():
        was = first.values.get(key, 0.0)
        found[key] = (value - was if value >= was else value) / seconds
    return found


def _sum(many: Iterable[Values]) -> Values:
    total: dict[tuple[str, Labels], float] = {}
    for values in many:
        for key, value in values.items():
            total[key] = total.get(key, 0.0) + value
    return total
