"""One served world for all tests: what the wrong model decided, exported, and both models in a home."""

import hashlib

import pytest
import served_world
from judged_shop import DECISIONS, Shop

from nextbest_models.artifact import load
from nextbest_rules import load_catalog
from nextbest_service.decisions import decider
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.home import Home
from nextbest_service.store.connection import connect_for_bulk


@pytest.fixture(scope="session")
def shop(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop, as it was served by the wrong model."""
    root, world = tmp_path_factory.mktemp("shop"), served_world.known_world()
    catalog = served_world.write_catalog(world, root / "catalog")
    home = Home(root / "home")
    wrong = served_world.train(world, catalog, home.models("world"), wrong=True)
    good = served_world.train(world, catalog, home.models("world"))
    ranker = load(wrong, feature_spec(load_catalog(catalog)))
    with connect_for_bulk(valkey_url) as store, pytest.MonkeyPatch.context() as patch:
        # The dice are the decision's id: with ids by time each run draws the same.
        patch.setattr(decider, "fresh_id", lambda now_ms: hashlib.sha256(b"%d" % now_ms).hexdigest()[:32])
        store.flushall()
        who = served_world.serve(valkey_url, store, world, catalog, ranker, DECISIONS, seed=1)
        decisions = served_world.export(store, root / "decisions")
        store.flushall()
    log = served_world.with_outcomes(world, who, decisions, root / "log", seed=1)
    return Shop(world, catalog, home, good, wrong, who, decisions, log)
