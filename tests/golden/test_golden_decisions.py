"""Whole decisions, pinned: every case of `decisions/` with the answer that stands beside it.

`NEXTBEST_UPDATE_GOLDEN=1 pytest tests/golden` writes the answers anew; read the diff before you commit it.
"""

import asyncio
import difflib
import json
import os
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import redis
import yaml
from google.protobuf.json_format import MessageToDict, ParseDict

from nextbest.v1 import decision_pb2
from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.artifact import model_version
from nextbest_models.ranker import Ranker
from nextbest_models.state import CustomerFeatures
from nextbest_rules import RuleSet, load_catalog
from nextbest_service.api.read_request import read_request
from nextbest_service.api.render_answer import render_answer
from nextbest_service.catalogs import shipped_catalogs
from nextbest_service.clock import FixedClock
from nextbest_service.composition import LoadedParts, build_decider
from nextbest_service.decisions.generation import catalog_affinity_keys, feature_spec
from nextbest_service.store.connection import connect
from nextbest_service.store.features import counters_tag, stored_counters, stored_vector, vector_schema
from nextbest_service.store.keys import FACTS, Identity
from nextbest_service.store.registry import register_affinity_keys
from nextbest_service.store.writer import CustomerRecord, write_customers

CASES = Path(__file__).parent / "decisions"
CATALOGS = {"corner_shop": CASES.parents[1] / "catalogs" / "corner_shop", **shipped_catalogs()}
DAY_MS = 86_400_000
SIGNIFICANT_DIGITS = 12  # the last bit of a propensity is up to the C library
MANY_ACTIONS = 50
DAMAGED = "damaged"


@cache
def parts_of(catalog_name: str, with_model: bool) -> LoadedParts:
    """Return what a service would load."""
    catalog = load_catalog(CATALOGS[catalog_name])
    spec = feature_spec(catalog)
    ranker = None
    if with_model:
        text = (CASES / f"{catalog_name}_model.txt").read_text()
        ranker = Ranker(lightgbm.Booster(model_str=text), spec.columns, model_version(text))
    return LoadedParts(RuleSet.compile(catalog), spec, ranker)


def write_customer(
    store: redis.Redis, parts: LoadedParts, name: str, state: dict[str, Any], now_ms: int
) -> None:
    """Put the customer of a case into the store."""
    dictionary = register_affinity_keys(store, catalog_affinity_keys(parts.rules.catalog))
    features = CustomerFeatures(
        np.array([state["features"].get(item, np.nan) for item in parts.spec.customer_names], np.float32),
        counters_of(state.get("counters", {}), AffinityKeys(dictionary.keys), now_ms),
        now_ms,
    )
    identity = Identity("customer", name)
    record = CustomerRecord(
        identity,
        stored_vector(vector_schema(parts.spec).id, features),
        stored_counters(counters_tag(parts.spec, dictionary), features),
        {} if state["facts"] == DAMAGED else state["facts"],
    )
    list(write_customers(store, [record]))
    if state["facts"] == DAMAGED:
        store.hset(identity.customer_key, FACTS, b"damaged")


def counters_of(counts: dict[str, dict[str, int]], keys: AffinityKeys, now_ms: int) -> AffinityCounters:
    """Return counters given as family -> key -> count, all last touched three days ago."""
    touched = sorted(
        (int(keys.ids_for(family, [key])[0]), count)
        for family, by_key in counts.items()
        for key, count in by_key.items()
    )
    ids = np.array([number for number, _ in touched], dtype=np.int64)
    column = np.array([count for _, count in touched], dtype=np.uint16)
    days = np.full(len(ids), now_ms // DAY_MS - 3, dtype=np.uint16)
    return AffinityCounters(keys.stored(ids), column, days, column)


def answer_to(case: dict[str, Any], store: redis.Redis, url: str) -> decision_pb2.DecideResponse:
    """Return the answer to a case, by the real decider on a clock that stands still."""
    moment: datetime = case["now"]
    now_ms = round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    parts = parts_of(case["catalog"], case.get("model", False))
    for name, state in case.get("customers", {}).items():
        write_customer(store, parts, name, state, now_ms)
    message = ParseDict(case["ask"], decision_pb2.DecideRequest())

    async def decide() -> decision_pb2.DecideResponse:
        async with connect(url, 2000) as client:
            decider = build_decider(parts, store, client, FixedClock(now_ms))
            request = read_request(message, parts.rules)
            return render_answer(await decider.decide(request), decider.generation.versions)

    return asyncio.run(decide())


def pinned(answer: decision_pb2.DecideResponse) -> str:
    """Return what a golden file holds of an answer: all but ids, timing and versions."""
    plain: dict[str, Any] = MessageToDict(answer, preserving_proto_field_name=True)
    for volatile in ("decision_id", "timing", "versions"):
        plain.pop(volatile)
    for placement in plain["placements"]:
        for proposition in placement.get("propositions", ()):
            for factor in ("propensity", "priority"):
                proposition[factor] = float(f"{proposition[factor]:.{SIGNIFICANT_DIGITS}g}")
    if len(answer.exclusions) > MANY_ACTIONS:
        plain["exclusions"] = dict(
            sorted(
                Counter(f"{item['stage']} {item.get('rule_id', '')}" for item in plain["exclusions"]).items()
            )
        )
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_decision_is_the_one_that_was_agreed(path: Path, valkey: redis.Redis, valkey_url: str) -> None:
    case = yaml.safe_load(path.read_text())
    found = pinned(answer_to(case, valkey, valkey_url))
    golden = path.with_suffix(".json")
    if os.environ.get("NEXTBEST_UPDATE_GOLDEN"):
        golden.write_text(found)
    agreed = golden.read_text()
    difference = difflib.unified_diff(agreed.splitlines(), found.splitlines(), "agreed", "found", lineterm="")
    assert found == agreed, f"{case['about']}\n" + "\n".join(difference)
