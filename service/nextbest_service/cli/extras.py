"""What comes with an extra only: the user hears which one, where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from nextbest_service.errors import StartupError


@contextmanager
def parquet_needed() -> Iterator[None]:
    """Tell what to install where what is imported or done needs pyarrow, and it is not there.

    Raises:
        StartupError: pyarrow is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise StartupError("Parquet files need pyarrow: pip install 'nextbest[parquet]'") from error
