"""What is soaked: a service of its own with a model and an operators' port, a store that may be killed."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
import lightgbm
import numpy as np
from running_service import Service, service
from store_process import StoreProcess, store_process

from nextbest.v1 import admin_pb2, admin_pb2_grpc
from nextbest_models import artifact
from nextbest_models.artifact import ModelFacts
from nextbest_models.companions import ALONE
from nextbest_rules import load_catalog
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.home import Home

CATALOG = "under_fire"
SOURCE = Path(__file__).parents[2] / "catalogs" / CATALOG
ACTIONS = "actions/all.yaml"
OPTIONS = (
    *("--no-watch", "--admin-port", "0", "--metrics-port", "0"),
    *("--last-known-persons", "2000"),  # memory for more would still be growing after half an hour
    *("--store-timeout-ms", "400"),  # load, service and store share the cores: 50 ms pass without a turn
    *("--reload-timeout-seconds", "120"),
)
RELOAD_SECONDS = 240.0
PAUSE_SECONDS = 1.0


@dataclass
class World:
    """A running service and what it was made of. `models` are two, for reloads to change between."""

    root: Path
    service: Service
    store: StoreProcess
    admin: str
    metrics: str
    models: tuple[str, str]

    def write(self, text: str) -> None:
        """Replace the actions of the catalog in one step."""
        draft = self.root / "draft"
        draft.write_text(text)
        draft.replace(self.root / CATALOG / ACTIONS)

    def use_model(self, version: str) -> None:
        """Put a model into use."""
        Home(self.root / "home").use_model(CATALOG, version)

    def reload(self) -> admin_pb2.ReloadResponse:
        """Let the service load what is there, and ask again while it cannot."""
        until = time.monotonic() + RELOAD_SECONDS
        with grpc.insecure_channel(self.admin) as channel:
            while True:
                try:
                    ask = admin_pb2_grpc.AdminServiceStub(channel).Reload
                    return ask(admin_pb2.ReloadRequest(), timeout=RELOAD_SECONDS)
                except grpc.RpcError as error:
                    if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                        raise
                time.sleep(PAUSE_SECONDS)


@contextmanager
def soaked_world(root: Path) -> Iterator[World]:
    """Start all of it in an empty directory."""
    shutil.copytree(SOURCE, root / CATALOG)
    home = Home(root / "home")
    models = tuple(_model(home.models(CATALOG), seed) for seed in (1, 2))
    home.use_model(CATALOG, models[0])
    with (
        store_process(root / "store") as store,
        service(home.root, "--redis-url", store.url, *OPTIONS, catalog=root / CATALOG) as running,
    ):
        admin, metrics = (running.wait_for(it)["address"] for it in ("admin_served", "metrics_served"))
        yield World(root, running, store, admin, metrics.removeprefix("http://"), (models[0], models[1]))


def _model(root: Path, seed: int) -> str:
    """Train a small model on made-up customers, another one for each seed, and return its version."""
    spec = feature_spec(load_catalog(SOURCE))
    dice = np.random.default_rng(seed)
    matrix = dice.uniform(0.0, 10.0, size=(600, len(spec.columns)))
    bought = matrix.sum(axis=1) + dice.normal(size=600) > matrix.sum(axis=1).mean()
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": 7, "num_threads": 1, "seed": seed, "verbose": -1},
        lightgbm.Dataset(matrix, label=bought, feature_name=list(spec.columns)),
        num_boost_round=12,
    )
    facts = ModelFacts(datetime(2026, 1, 1, tzinfo=UTC), spec.digest, {}, {}, {})
    return artifact.save(root, booster, matrix[:16], facts, {}, ALONE).name


def said(line: str) -> None:
    """Tell whoever watches."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
