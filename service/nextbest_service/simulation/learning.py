"""THROW AWAY."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow.dataset as ds

from nextbest_models import artifact
from nextbest_models.affinity import AffinityKeys
from nextbest_models.assembly import CandidateAssembler
from nextbest_models.companions import Companions
from nextbest_models.evidence import Experience, Graduation, count_evidence
from nextbest_models.population import Population
from nextbest_rules import load_catalog
from nextbest_service.decisions.generation import action_profiles, feature_spec
from nextbest_service.home import Home


@dataclass(frozen=True, slots=True)
class Learned:
    version: str
    auc: float
    rows: int


def learn(home: Home, catalog: Path, log: Path, held_back: float, threads: int) -> Learned:
    cat = load_catalog(catalog)
    spec = feature_spec(cat)
    profiles = action_profiles(cat)
    base = CandidateAssembler(spec, profiles, AffinityKeys({}), Population.unknown()).base
    place = {p.id: i for i, p in enumerate(profiles)}
    rows = (
        ds.dataset(log / "decisions")
        .to_table(columns=["decision_id", "propositions", "features", "context"])
        .to_pylist()
    )
    rows.sort(key=lambda r: r["decision_id"])
    out = ds.dataset(log / "outcomes").to_table(columns=["decision_id", "rank", "type"]).to_pylist()
    seen = {(o["decision_id"], o["rank"]) for o in out if o["type"] == "DISPLAYED"}
    click = {(o["decision_id"], o["rank"]) for o in out if o["type"] == "CLICKED"}
    xs, ys, acts = [], [], []
    cut = int(len(rows) * (1 - held_back))
    n_customer = len(spec.customer_names)
    for i, r in enumerate(rows):
        hour = json.loads(r["context"])["hour"]
        f = [v for _, v in r["features"]]
        for p in r["propositions"]:
            k = (r["decision_id"], p["rank"])
            if k in seen:
                x = base[place[p["action"]]].copy()
                x[:n_customer] = f
                x[-1] = hour
                xs.append(x)
                ys.append(k in click)
                acts.append((place[p["action"]], i))
    X, y, a = np.array(xs), np.array(ys, dtype=bool), np.array(acts)
    train = a[:, 1] < cut
    params = dict(
        objective="binary",
        num_leaves=15,
        learning_rate=0.05,
        min_data_in_leaf=40,
        lambda_l2=5.0,
        feature_fraction=0.7,
        bagging_fraction=0.8,
        bagging_freq=1,
        verbose=-1,
        num_threads=threads,
        seed=1,
        deterministic=True,
        max_bin=63,
        path_smooth=10.0,
    )
    booster = lightgbm.train(
        params, lightgbm.Dataset(X[train], y[train].astype(float), feature_name=list(spec.columns)), 150
    )
    s = booster.predict(X, num_threads=threads)
    t = ~train
    order = np.argsort(s[t])
    ranks = np.empty(t.sum())
    ranks[order] = np.arange(t.sum())
    pos = y[t]
    auc = (ranks[pos].mean() - (pos.sum() - 1) / 2) / max((~pos).sum(), 1)
    ids, kinds = [p.id for p in profiles], [p.kind for p in profiles]
    facts = artifact.ModelFacts(
        created=datetime.now(tz=UTC), spec_digest=spec.digest, parameters={}, metrics={}, training={}
    )
    comp = Companions(
        experience=Experience(count_evidence(ids, kinds, a[train, 0], y[train]), Graduation(exposures=50))
    )
    d = artifact.save(home.models(cat.name), booster, artifact.golden_rows(X, s), facts, {}, comp)
    home.use_model(cat.name, d.name)
    return Learned(d.name, float(auc), int(train.sum()))
