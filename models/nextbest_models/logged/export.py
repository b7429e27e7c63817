"""Reads what `nextbest log export` writes, in batches: a million decisions need not fit in memory."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nextbest_models.action_side import ActionSide, ActionSideError
from nextbest_models.logged.decisions import LoggedDataError, LoggedDecisions
from nextbest_models.logged.tables import COLUMNS, decisions_of
from nextbest_models.progress import Progress, silent

BATCH = 2_000
OTHER_CATALOG = "they are of another catalog"
OTHER_FEATURES = "their features were declared otherwise"
NOT_REBUILDABLE = "they were recorded by an earlier version"
UNREAD = "the customer could not be read"
_UNREAD = pa.array(["LAST_KNOWN_GOOD", "FALLBACK"])
"""How whole decisions were made of which nothing is to be learnt: their features are nobody's."""
NO_ACTION_SIDE = "what their actions were like is not among the files"


@dataclass(slots=True)
class LogExport:
    """An export. Only decisions with features of `spec_digest` and of a catalog of this name are read.

    Where one of them is empty, it does not matter.

    `left_out` counts the decisions that were not, by the reason, as far as the export has been read.
    """

    directory: Path
    spec_digest: str = ""
    catalog: str = ""
    left_out: Counter[str] = field(default_factory=Counter)
    _sides: dict[str, ActionSide | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that it is one.

        Raises:
            LoggedDataError: it is not, or there is no decision in it.
        """
        if not self.decision_parts:
            raise LoggedDataError(
                f"there are no exported decisions in {self.directory}; write some with `nextbest log export`"
            )

    @property
    def decision_parts(self) -> Sequence[Path]:
        """The files of decisions, the earliest day first."""
        return sorted(self.directory.glob("decisions/day=*/part-*.parquet"))

    @property
    def size(self) -> int:
        """How many decisions there are."""
        return sum(_metadata(part).num_rows for part in self.decision_parts)

    def end_ms(self) -> int:
        """Return up to when the export knows what happened: the latest time in it, Unix milliseconds."""
        parts = [(part, "decided_at") for part in self.decision_parts]
        outcomes = sorted(self.directory.glob("outcomes/day=*/part-*.parquet"))
        parts += [(part, "received_at") for part in outcomes]
        return max(_latest_ms(part, column) for part, column in parts)

    def batches(
        self, size: int = BATCH, more: Sequence[str] = (), progress: Progress = silent
    ) -> Iterator[LoggedDecisions]:
        """Yield all decisions, the earliest day first. `more` are further columns to read.

        Raises:
            LoggedDataError: a file is damaged.
        """
        self.left_out.clear()
        done, total = 0, self.size
        for part in self.decision_parts:
            for table in _tables(part, (*COLUMNS, "catalog", "action_side", "selection_type", *more), size):
                yield from self._by_side(table, more)
                done += table.num_rows
                progress("Reading decisions", done, total)

    def _by_side(self, table: pa.Table, more: Sequence[str]) -> Iterator[LoggedDecisions]:
        ours = table.filter(pc.equal(table["catalog"], self.catalog)) if self.catalog else table
        self._leave_out(OTHER_CATALOG, table.num_rows - ours.num_rows)
        known = ours.filter(pc.and_(ours["action_side"].is_valid(), ours["counters"].is_valid()))
        self._leave_out(NOT_REBUILDABLE, ours.num_rows - known.num_rows)
        read = known.filter(pc.invert(pc.is_in(known["selection_type"].cast(pa.string()), value_set=_UNREAD)))
        self._leave_out(UNREAD, known.num_rows - read.num_rows)
        known = read
        for side_id in pc.unique(known["action_side"]).to_pylist():
            own = known.filter(pc.equal(known["action_side"], side_id))
            side = self.side(side_id)
            if side is None:
                self._leave_out(NO_ACTION_SIDE, own.num_rows)
            elif self.spec_digest and side.spec.digest != self.spec_digest:
                self._leave_out(OTHER_FEATURES, own.num_rows)
            else:
                yield decisions_of(own, side, more)

    def _leave_out(self, reason: str, count: int) -> None:
        if count:
            self.left_out[reason] += count

    def side(self, side_id: str) -> ActionSide | None:
        """Return an action side by its id, None where it is not among the files.

        Raises:
            LoggedDataError: it is damaged.
        """
        if side_id not in self._sides:
            path = self.directory / "action_sides" / f"{side_id}.npz"
            try:
                self._sides[side_id] = ActionSide.from_bytes(path.read_bytes())
            except FileNotFoundError:
                self._sides[side_id] = None
            except ActionSideError as error:
                raise LoggedDataError(
                    f"{path} cannot be used: {error}. Remove it and run `nextbest log export` again."
                ) from error
        return self._sides[side_id]


def _tables(part: Path, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
    """Yield a part in pieces; columns that earlier versions did not write are null."""
    try:
        file = pq.ParquetFile(part)
        present = [name for name in columns if name in file.schema_arrow.names]
        if missing := {*COLUMNS} - {*present, "counters"}:
            names = ", ".join(sorted(missing))
            raise LoggedDataError(f"{part} is no part of a decision log: it lacks {names}")
        for batch in file.iter_batches(size, columns=present):
            table = pa.Table.from_batches([batch])
            for name in columns:
                if name not in present:
                    table = table.append_column(name, pa.nulls(table.num_rows))
            yield table
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(part, error) from error


def _metadata(part: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(part)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(part, error) from error


def _latest_ms(part: Path, column: str) -> int:
    try:
        latest = pc.max(pq.read_table(part, columns=[column], partitioning=None)[column])
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(part, error) from error
    return int(latest.cast(pa.timestamp("ms", tz="UTC")).value or 0)


def _damaged(part: Path, error: Exception) -> LoggedDataError:
    return LoggedDataError(f"{part} is damaged: {error}")
