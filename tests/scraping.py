"""Reads the metrics of a real service, as Prometheus does."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, tuple[tuple[str, str], ...]]
Values = dict[Series, float]


def text(address: str) -> str:
    """Return the metrics as they are served."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def series(name: str, **labels: str) -> Series:
    """Return the name of one series."""
    return f"nextbest_{name}", tuple(sorted(labels.items()))


def values(address: str) -> Values:
    """Return the values of all series."""
    families = text_string_to_metric_families(text(address))
    return {
        (it.name, tuple(sorted(it.labels.items()))): it.value for family in families for it in family.samples
    }


def grown(before: Values, after: Values, prefix: str) -> dict[tuple[str, ...], float]:
    """Return by how much the series of a name grew, by the values of their labels."""
    found = {
        tuple(value for _, value in labels): value - before.get((name, labels), 0.0)
        for (name, labels), value in after.items()
        if name == f"nextbest_{prefix}"
    }
    return {labels: value for labels, value in found.items() if value}
