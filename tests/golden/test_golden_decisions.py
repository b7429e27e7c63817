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
from typing import Any, cast

import lightgbm
import numpy as np
import pytest
import yaml
from deciding import HandClock, ask, deciding
from google.protobuf.json_format import MessageToDict, ParseDict

from nextbest.v1 import decision_pb2
from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.artifact import model_version
from nextbest_models.online import FeatureState, OnlineFeatures
from nextbest_models.ranker import Ranker
from nextbest_rules import Catalog, load_catalog
from nextbest_service.catalogs import shipped_catalogs
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.decisions.generation import catalog_affinity_keys, feature_spec
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import FACTS, Identity, person_key
from nextbest_service.store.preparing import prepare
from nextbest_service.store.writer import write_persons

CASES = Path(__file__).parent / "decisions"
CATALOGS = {"corner_shop": CASES.parents[1] / "catalogs" / "corner_shop", **shipped_catalogs()}
DAY_MS = 86_400_000
SIGNIFICANT_DIGITS = 12  # the last bit of a propensity is up to the C library
MANY_ACTIONS = 50
DAMAGED = "damaged"


@cache
def catalog_of(name: str) -> Catalog:
    """Return a catalog by name."""
    return load_catalog(CATALOGS[name])


@cache
def model_for(catalog_name: str) -> Ranker:
    """Return the model that stands beside the cases."""
    text = (CASES / f"{catalog_name}_model.txt").read_text()
    columns = feature_spec(catalog_of(catalog_name)).columns
    return Ranker(lightgbm.Booster(model_str=text), columns, model_version(text))


def write_customer(
    client: SyncClient, catalog: Catalog, name: str, known: dict[str, Any], now_ms: int
) -> None:
    """Put the customer of a case into the store."""
    online = OnlineFeatures(feature_spec(catalog))
    codec, dictionary = prepare(client, online, catalog_affinity_keys(catalog))
    given = online.with_given(online.empty, known["features"], now_ms)
    counters = counters_of(known.get("counters", {}), AffinityKeys(dictionary.keys), now_ms)
    facts = {} if known["facts"] == DAMAGED else known["facts"]
    portion = Portion(facts=facts, features=FeatureState(given.tallies, counters))
    identity = Identity("customer", name)
    person = Person((Member(codec.ring.ref(identity), identity, portion=portion),))
    list(write_persons(client, codec, [person], now_ms))
    if known["facts"] == DAMAGED:
        client.hset(cast(str, person_key(person.head)), cast(str, FACTS), "damaged")


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


def answer_to(case: dict[str, Any], client: SyncClient, url: str) -> decision_pb2.DecideResponse:
    """Return the answer to a case, by the real decider on a clock that stands still."""
    moment: datetime = case["now"]
    now_ms = round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    name = case["catalog"]
    ranker = model_for(name) if case.get("model", False) else None
    for customer, known in case.get("customers", {}).items():
        write_customer(client, catalog_of(name), customer, known, now_ms)
    message = ParseDict(case["ask"], decision_pb2.DecideRequest())

    async def decide() -> decision_pb2.DecideResponse:
        async with deciding(url, HandClock(now_ms), CATALOGS[name], ranker=ranker) as decider:
            return await ask(decider, message)

    return asyncio.run(decide())


def pinned(answer: decision_pb2.DecideResponse) -> str:
    """Return what a golden file holds of an answer: all but ids, tokens, timing and versions."""
    plain: dict[str, Any] = MessageToDict(answer, preserving_proto_field_name=True)
    for volatile in ("decision_id", "timing", "versions"):
        plain.pop(volatile)
    for placement in plain["placements"]:
        for proposition in placement.get("propositions", ()):
            proposition.pop("token")
            for factor in ("propensity", "priority"):
                proposition[factor] = rounded(proposition[factor])
            explanation = proposition.get("explanation", {})
            for part in (explanation, *explanation.get("contributions", ())):
                part.update({name: rounded(it) for name, it in part.items() if name.endswith("log_odds")})
    if len(answer.exclusions) > MANY_ACTIONS:
        plain["exclusions"] = dict(
            sorted(
                Counter(f"{item['stage']} {item.get('rule_id', '')}" for item in plain["exclusions"]).items()
            )
        )
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def rounded(number: float) -> float:
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}")


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_decision_is_the_one_that_was_agreed(path: Path, valkey: SyncClient, valkey_url: str) -> None:
    case = yaml.safe_load(path.read_text())
    found = pinned(answer_to(case, valkey, valkey_url))
    golden = path.with_suffix(".json")
    if os.environ.get("NEXTBEST_UPDATE_GOLDEN"):
        golden.write_text(found)
    agreed = golden.read_text()
    difference = difflib.unified_diff(agreed.splitlines(), found.splitlines(), "agreed", "found", lineterm="")
    assert found == agreed, f"{case['about']}\n" + "\n".join(difference)
