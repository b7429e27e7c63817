"""Work on several machines: on a Dask cluster that is there, or on one of this machine's processes."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from nextbest_models.dataset import Dataset
from nextbest_models.progress import Progress
from nextbest_models.recipe import Recipe
from nextbest_models.training import Fit, lightgbm_parameters

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
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(_close_output)
        yield client


def _close_output() -> None:
    """Keep the standard output that a process shares with ours for results: LightGBM chats there."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def fit_on(client: Any) -> Fit:  # noqa: ANN401 - Dask's types are an extra
    """Return what trains on the workers of a cluster: each sees its share of the rows, and all grow one tree.

    That is LightGBM's data-parallel learner (Ke et al., NeurIPS 2017; `tree_learner=data`). Each worker uses
    the threads that it has. Where to cut a feature is found on shares of the rows, so a model differs a
    little from one that is trained alone.

    The function raises DaskError where something that it needs is not installed.
    """
    return partial(_fit, client)


def _fit(
    client: Any,  # noqa: ANN401
    recipe: Recipe,
    dataset: Dataset,
    threads: int,
    progress: Progress,
    step: str,
) -> lightgbm.Booster:
    classifier = _classifier(client, lightgbm_parameters(recipe, dataset.columns, threads), recipe)
    trees = recipe.lightgbm.trees
    progress(step, 0, trees)
    workers = [*client.scheduler_info(n_workers=-1)["workers"]]
    # Every n-th row: neighbours are of one day and one campaign, and a share must look like the whole.
    shares = [slice(place, None, len(workers)) for place in range(len(workers))]
    matrix = _spread(client, [dataset.matrix[share] for share in shares], workers)
    labels = _spread(client, [dataset.positive[share].astype(np.float32) for share in shares], workers)
    weights = None
    if dataset.weights is not None:
        weights = _spread(client, [dataset.weights[share] for share in shares], workers)
    _hush()
    classifier.fit(matrix, labels, sample_weight=weights, feature_name=list(dataset.columns))
    progress(step, trees, trees)
    booster: lightgbm.Booster = classifier.booster_
    return booster


def _classifier(client: Any, parameters: dict[str, Any], recipe: Recipe) -> Any:  # noqa: ANN401
    try:
        made = import_module("lightgbm.dask").DaskLGBMClassifier
        own = {_NAMES.get(name, name): value for name, value in parameters.items() if name != "num_threads"}
        return made(client=client, tree_learner="data", n_estimators=recipe.lightgbm.trees, **own)
    except (ImportError, lightgbm.basic.LightGBMError) as error:
        raise DaskError(f"{error}: pip install 'nextbest[dask]'") from error


_NAMES = {
    "min_data_in_leaf": "min_child_samples",
    "lambda_l2": "reg_lambda",
    "feature_fraction": "colsample_bytree",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "seed": "random_state",
}
"""What scikit-learn's interface, and so Dask's, calls parameters that it has defaults of its own for."""


def _hush() -> None:
    """Let LightGBM tell in the log what it would write to standard output."""
    logger = logging.getLogger("lightgbm")
    logger.addFilter(_is_worth_telling)
    lightgbm.register_logger(logger)


def _is_worth_telling(record: logging.LogRecord) -> bool:
    # The threads are the workers', as they should be.
    return record.levelno >= logging.WARNING and "n_jobs" not in record.getMessage()


def _spread(client: Any, shares: Sequence[NDArray[Any]], workers: Sequence[str]) -> Any:  # noqa: ANN401
    """Return an array (dask.array.Array) that has one share of the rows on each worker."""
    da = import_module("dask.array")
    parts = []
    for share, worker in zip(shares, workers, strict=True):
        future = client.scatter(np.ascontiguousarray(share), workers=[worker])
        parts.append(da.from_delayed(future, share.shape, share.dtype))
    return da.concatenate(parts)
