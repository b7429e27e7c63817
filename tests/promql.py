"""Looks into PromQL: which series an expression reads, and by which of their labels."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

promql_parser = pytest.importorskip("promql_parser")  # of the development dependencies


class Read(NamedTuple):
    """One selector of an expression, with the labels that it compares."""

    metric: str
    labels: frozenset[str]


def parsed(expression: str) -> Any:
    """Return the tree of an expression; Grafana's variables stand for something there."""
    return promql_parser.parse(
        expression.replace("$rate", "5m").replace("$job", ".*").replace("$instance", ".*")
    )


def reads(expression: str) -> Iterator[Read]:
    """Yield the selectors of an expression."""
    for node in _nodes(parsed(expression)):
        if isinstance(node, promql_parser.VectorSelector):
            yield Read(node.name, frozenset(matcher.name for matcher in node.matchers.matchers))


def groupings(expression: str) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Yield the labels that an aggregation keeps, and the metrics that it reads."""
    for node in _nodes(parsed(expression)):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            metrics = frozenset(read.metric for read in reads(node.expr.prettify()))
            yield frozenset(node.modifier.labels), metrics


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for name in ("lhs", "rhs", "expr", "args", "vector_selector"):
        below = getattr(node, name, None)
        for one in below if isinstance(below, list) else [below] if below is not None else []:
            yield from _nodes(one)
