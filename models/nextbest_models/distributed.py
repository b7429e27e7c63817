"""Work on several machines: on a Dask cluster that is there, or on one of this machine's processes."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

CONNECT_SECONDS = 10
_LOCAL = re.compile(r"local:([1-9][0-9]?)")


class DaskError(Exception):
    """There is no cluster to work on; the message says why and what to do."""


@contextmanager
def dask_client(where: str) -> Iterator[Any]:
    """Yield a client (distributed.Client) of a cluster.

    Args:
        where: `local:N` for N processes of this machine, gone again at the end, or a scheduler's address such
            as tcp://scheduler:8786.

    Raises:
        DaskError: Dask is not installed, or nobody answers at the address.
    """
    try:
        distributed: Any = import_module("distributed")  # an extra, and slow to import
    except ImportError as error:
        raise DaskError("this needs Dask: pip install 'nextbest[dask]'") from error
    local = _LOCAL.fullmatch(where)
    if local is None:
        try:
            client = distributed.Client(where, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise DaskError(f"no Dask scheduler answers at {where}") from error
        with client:
            yield client
        return
    with (
        distributed.LocalCluster(
            n_workers=int(local[1]),
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=logging.ERROR,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
