"""Rows to learn from: who was shown which actions when, and what came of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog
from nextbest_models.progress import Progress
from nextbest_models.snapshot import Snapshot, SnapshotEngine


class DatasetError(ValueError):
    """There is nothing to learn from, or an exposure names an action that the catalog does not have."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """One moment at which all of some customers were shown all of some actions.

    customers: positions in the event log's customers.
    positives: (customer, action id) with a positive outcome.
    """

    name: str
    as_of_ms: int
    customers: NDArray[np.int64]
    actions: tuple[str, ...]
    positives: frozenset[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the periods of a training begin and end, Unix milliseconds; each ends where the next begins."""

    train_from_ms: int
    validate_from_ms: int
    test_from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows that were shown, and what came of them.

    matrix: float64 [rows, columns]. positive: bool.
    groups: int64, the same for all rows that were shown together.
    actions: int64, the position of the action among all.
    times_ms: int64, the moment of the decision.
    weights: float64, for how many rows each stands when something is learned from it; None: 1.
    """

    columns: tuple[str, ...]
    matrix: NDArray[np.float64]
    positive: NDArray[np.bool_]
    groups: NDArray[np.int64]
    actions: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.positive)

    def between(self, from_ms: int, until_ms: int) -> "Dataset":
        """Return the rows decided from one moment (inclusive) until another (exclusive)."""
        return self.only((self.times_ms >= from_ms) & (self.times_ms < until_ms))

    def only(self, rows: NDArray[np.bool_]) -> "Dataset":
        """Return the rows that have a flag."""
        return Dataset(
            self.columns,
            self.matrix[rows],
            self.positive[rows],
            self.groups[rows],
            self.actions[rows],
            self.times_ms[rows],
            None if self.weights is None else self.weights[rows],
        )

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one column of the matrix."""
        return self.matrix[:, self.columns.index(name)]


def build_dataset(
    spec: FeatureSpec,
    log: EventLog,
    actions: Sequence[ActionProfile],
    exposures: Iterable[Exposure],
    progress: Progress,
) -> Dataset:
    """Compute the features of every exposed (customer, action) as of its decision.

    Rows are by exposure, then customer, then action. They come from the same snapshots and the same assembler
    that serve online.

    Raises:
        DatasetError: there is no row, or an exposure names an unknown action.
        HistoryError: the log lacks what the features are defined on.
    """
    engine = SnapshotEngine(spec, log)
    index = {action.id: row for row, action in enumerate(actions)}
    parts = list(exposures)
    blocks: list[Dataset] = []
    for done, exposure in enumerate(parts, start=1):
        snapshot = engine.snapshot(exposure.as_of_ms)
        assembler = CandidateAssembler(spec, actions, log.keys, snapshot.population)
        blocks.append(_block(snapshot, assembler, index, exposure, len(blocks) * len(log.customers)))
        progress("Computing features as of each decision", done, len(parts))
    if not any(len(block) for block in blocks):
        raise DatasetError("there is nothing to learn from: nobody was shown anything")
    return _stacked(spec.columns, blocks)


def _block(
    snapshot: Snapshot,
    assembler: CandidateAssembler,
    index: Mapping[str, int],
    exposure: Exposure,
    first_group: int,
) -> Dataset:
    rows = _rows(index, exposure)
    size = len(exposure.customers) * len(rows)
    matrix = np.empty((size, len(assembler.spec.columns)))
    for number, customer in enumerate(exposure.customers.tolist()):
        block = assembler.assemble(snapshot[customer], {}, rows, exposure.as_of_ms)
        matrix[number * len(rows) : (number + 1) * len(rows)] = block
    return Dataset(
        columns=assembler.spec.columns,
        matrix=matrix,
        positive=_outcomes(exposure),
        groups=np.repeat(first_group + exposure.customers, len(rows)),
        actions=np.tile(rows.astype(np.int64), len(exposure.customers)),
        times_ms=np.full(size, exposure.as_of_ms, dtype=np.int64),
    )


def _rows(index: Mapping[str, int], exposure: Exposure) -> NDArray[np.intp]:
    unknown = [action for action in exposure.actions if action not in index]
    if unknown:
        raise DatasetError(
            f"{exposure.name} was about actions that the catalog does not have, {unknown[0]} among them"
        )
    return np.array([index[action] for action in exposure.actions], dtype=np.intp)


def _outcomes(exposure: Exposure) -> NDArray[np.bool_]:
    customers = {customer: place for place, customer in enumerate(exposure.customers.tolist())}
    actions = {action: place for place, action in enumerate(exposure.actions)}
    positive = np.zeros((len(customers), len(actions)), dtype=np.bool_)
    for customer, action in exposure.positives:
        if customer in customers and action in actions:
            positive[customers[customer], actions[action]] = True
    return positive.ravel()


def _stacked(columns: tuple[str, ...], blocks: Sequence[Dataset]) -> Dataset:
    return Dataset(
        columns,
        np.concatenate([block.matrix for block in blocks]),
        np.concatenate([block.positive for block in blocks]),
        np.concatenate([block.groups for block in blocks]),
        np.concatenate([block.actions for block in blocks]),
        np.concatenate([block.times_ms for block in blocks]),
    )
