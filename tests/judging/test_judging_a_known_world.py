"""Models are judged by real decisions of a world whose truth is known."""

from pathlib import Path

import pytest
import served_world

from nextbest_models.artifact import load
from nextbest_models.features import FeatureSpec
from nextbest_models.judging.gates import Gates
from nextbest_models.judging.slots import CANDIDATE, CANDIDATE_GREEDY, SERVING
from nextbest_models.offpolicy import GREEDY, Estimator
from nextbest_rules import load_catalog
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.judging.evaluating import evaluate_models
from nextbest_service.judging.question import Question
from nextbest_service.store.connection import SyncClient, connect_for_bulk

import time

def test_time(valkey_url, valkey, tmp_path):
    world = served_world.known_world()
    t=time.time()
    catalog = served_world.write_catalog(world, tmp_path / "catalog")
    good = served_world.train(world, catalog, tmp_path / "models")
    bad = served_world.train(world, catalog, tmp_path / "models", wrong=True)
    spec = feature_spec(load_catalog(catalog))
    print("trained", time.time()-t)
    g, b = load(good, spec), load(bad, spec)
    print("truth", served_world.true_value(world, g), served_world.true_value(world, b), served_world.true_value(world, g, GREEDY), time.time()-t)
    served_world.serve(valkey_url, valkey, world, catalog, b, 1000, 1)
    print("served", time.time()-t)
    log = served_world.export(valkey, tmp_path / "log")
    print("exported", time.time()-t)
    j = evaluate_models(Question(good, bad, log), load_catalog(catalog), Gates(0.6, 0.0))
    print("judged", time.time()-t)
    print(j.left_out, j.cautions, j.decisions)
    from rich.console import Console
    from nextbest_service.cli.evaluation_tables import print_judgement
    print_judgement(Console(width=150), j)
    from nextbest_models.judging.report import write_report
    write_report(Path("/tmp/nb/i6/b_report"), j)
    print(time.time()-t)
