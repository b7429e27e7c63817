"""All customers' states as of a moment, computed from the event log by the declared definitions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters
from nextbest_models.columns import check_coverage, customer_columns
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog
from nextbest_models.population import Population
from nextbest_models.sorted_touches import SortedTouches
from nextbest_models.state import CustomerFeatures


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The states of all customers of a log as of one moment, by position in the log's customers.

    `population` is what they did together.
    """

    as_of_ms: int
    vectors: NDArray[np.float32]
    counters: AffinityCounters
    bounds: NDArray[np.intp]
    population: Population

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, customer: int) -> CustomerFeatures:
        own = slice(self.bounds[customer], self.bounds[customer + 1])
        columns = (column[own] for column in self.counters.statistics)
        counters = AffinityCounters(self.counters.ids[own], *columns)
        return CustomerFeatures(self.vectors[customer], counters, self.as_of_ms)

    def __iter__(self) -> Iterator[CustomerFeatures]:
        return (self[customer] for customer in range(len(self)))


class SnapshotEngine:
    """Computes snapshots of one log, each from the events strictly before its moment.

    Touches are put in order once, so that a snapshot costs one pass over them.
    """

    def __init__(self, spec: FeatureSpec, log: EventLog) -> None:
        """Prepare a log.

        Raises:
            HistoryError: the log lacks a stream, a value or a family that the specification names.
        """
        check_coverage(spec, log)
        self._spec = spec
        self._log = log
        self._touches = SortedTouches.of(spec, log)

    def snapshot(self, as_of_ms: int) -> Snapshot:
        """Return everybody's state as of a moment."""
        owners, counters = self._touches.counters(as_of_ms)
        bounds = np.searchsorted(owners, np.arange(len(self._log.customers) + 1))
        return Snapshot(
            as_of_ms,
            _vectors(self._spec, self._log, as_of_ms),
            counters,
            bounds,
            Population.of(counters, len(self._log.keys)),
        )


def _vectors(spec: FeatureSpec, log: EventLog, as_of_ms: int) -> NDArray[np.float32]:
    """Return float32 of shape [customers, customer features]."""
    columns = customer_columns(spec, log, as_of_ms)
    if not columns:
        return np.empty((len(log.customers), 0), dtype=np.float32)
    return np.column_stack(list(columns.values())).astype(np.float32)
