"""The synthetic world as a business: a catalog, models that learned of it, and a log of real decisions."""

import asyncio
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import corner_shop
import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from deciding import MINUTE_MS, NOW_MS, HandClock, ask, deciding, question

from nextbest_models import artifact
from nextbest_models.artifact import ModelFacts
from nextbest_models.calibration import Floats
from nextbest_models.offpolicy import EpsilonGreedy
from nextbest_models.online import OnlineFeatures
from nextbest_models.ranker import Ranker
from nextbest_models.world import World, WorldShape, make_world, policy_value
from nextbest_rules import load_catalog
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.decision_log.export.exporter import Exporter
from nextbest_service.decision_log.export.parts import Parts, day_of
from nextbest_service.decision_log.export.tables import outcomes_table
from nextbest_service.decision_log.outcomes import LoggedOutcome
from nextbest_service.decision_log.source import LogSource
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity
from nextbest_service.store.preparing import prepare
from nextbest_service.store.writer import write_persons

SHARE = 0.5
TRIED = EpsilonGreedy(SHARE)
SHAPE = WorldShape(customers=150, actions=8, new_actions=0, ranks=2, base_log_odds=-0.8, effect=0.8)
DAY_MS = 86_400_000


def known_world(seed: int = 3) -> World:
    """Return a small world in which a model can be much better than another."""
    return make_world(seed, SHAPE)


def write_catalog(world: World, root: Path) -> Path:
    """Write a catalog of the world's actions; its home page tries half of the time."""
    (root / "actions").mkdir(parents=True)
    documents = {
        "catalog.yaml": {
            "name": "world",
            "title": "A synthetic world",
            "clock": datetime.fromtimestamp(NOW_MS / 1000, tz=UTC),
            "channels": ["web"],
            "action_attributes": [{"name": name, "type": "double"} for name in _own(world)],
        },
        "facts.yaml": {"facts": []},
        "features.yaml": {
            "features": [
                *(
                    {"name": it, "source": "customer", "definition": {"external": True}}
                    for it in _theirs(world)
                ),
                *({"name": it, "source": "action", "definition": {"attribute": it}} for it in _own(world)),
            ]
        },
        "placements.yaml": {
            "placements": [
                {
                    "id": "home",
                    "title": "Home page",
                    "channel": "web",
                    "direction": "INBOUND",
                    "default_limit": world.ranks,
                    "max_limit": world.ranks,
                    "explore": {"method": "epsilon_greedy", "share": SHARE, "regret": 1.0},
                }
            ]
        },
        "policies.yaml": {"eligibility": []},
        "actions/all.yaml": [_action(world, number) for number in range(len(world.value))],
    }
    for name, document in documents.items():
        if document:
            (root / name).write_text(yaml.safe_dump(document))
    return root


def _action(world: World, number: int) -> dict[str, object]:
    return {
        "id": f"a{number}",
        "type": "OFFER",
        "issue": f"i{world.issue[number]}",
        "group": f"g{world.group[number]}",
        "title": f"Action {number}",
        "value": float(world.value[number]),
        "attributes": dict(zip(_own(world), world.features[number].tolist(), strict=True)),
    }


def _theirs(world: World) -> list[str]:
    return [f"f{number}" for number in range(world.customers.shape[1])]


def _own(world: World) -> list[str]:
    return [f"x{number}" for number in range(world.features.shape[1])]


def pairs(world: World) -> Floats:
    """Return the features of every customer with every action, [customers * actions, columns]."""
    customers, actions = world.propensity.shape
    theirs = np.repeat(world.customers.astype(np.float32).astype(np.float64), actions, axis=0)
    return np.column_stack([theirs, np.tile(world.features, (customers, 1))])


def train(world: World, catalog: Path, root: Path, *, wrong: bool = False) -> Path:
    """Train a model on what was seen of the world once; a wrong one takes every yes for a no."""
    spec = feature_spec(load_catalog(catalog))
    random = np.random.default_rng(11)
    matrix = np.tile(pairs(world), (4, 1))
    chance = np.tile(world.propensity.ravel(), 4)
    positive = random.random(len(chance)) < (1 - chance if wrong else chance)
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": 15, "num_threads": 1, "seed": 1, "verbose": -1},
        lightgbm.Dataset(matrix, label=positive, feature_name=list(spec.columns)),
        num_boost_round=60,
    )
    learned = {"until": datetime.fromtimestamp(NOW_MS / 1000, tz=UTC).isoformat(), "rows": len(matrix)}
    facts = ModelFacts(datetime(2024, 3, 1 + wrong, tzinfo=UTC), spec.digest, {"trees": 60}, {}, learned)
    return artifact.save(root, booster, matrix[:16], facts, {})


def true_value(world: World, ranker: Ranker, policy: EpsilonGreedy = TRIED) -> float:
    """Return what a model's policy really earns per decision."""
    scores = ranker.propensities(pairs(world)).reshape(world.propensity.shape) * world.value
    return policy_value(world, policy, scores)


def serve(
    url: str, store: SyncClient, world: World, catalog: Path, ranker: Ranker | None, decisions: int, seed: int
) -> Mapping[str, int]:
    """Decide for customers who come by chance, a minute apart; return who that was by decision id."""
    random = np.random.default_rng(seed)
    _write_customers(store, world, catalog)
    who = random.integers(0, len(world.customers), decisions)

    async def run() -> dict[str, int]:
        found, clock = {}, HandClock()
        async with deciding(url, clock, catalog, ranker=ranker) as decider:
            for customer in who.tolist():
                clock.time_ms += MINUTE_MS
                identity = Identity("customer", str(customer))
                answer = await ask(decider, question("home", of=identity, include_content=False))
                found[answer.decision_id] = customer
        return found

    return asyncio.run(run())


def export(store: SyncClient, directory: Path) -> Path:
    """Export the decisions."""
    list(Exporter(directory, LogSource(store)).run())
    return directory


def with_outcomes(world: World, who: Mapping[str, int], decisions: Path, to: Path, seed: int) -> Path:
    """Return a copy of an export in which everything was displayed, and chance has decided on clicks.

    A week later all is known.
    """
    random = np.random.default_rng(seed)
    for part in ("decisions", "action_sides"):
        shutil.copytree(decisions / part, to / part)
    table = pa.concat_tables(
        pq.ParquetFile(it).read() for it in sorted(decisions.glob("decisions/*/*.parquet"))
    )
    rows = table.select(["decision_id", "decided_at", "propositions"]).to_pylist()
    outcomes = [
        LoggedOutcome(
            source="web",
            id=f"{row['decision_id']}/{it['rank']}/{kind}",
            type=kind,
            at_ms=at_ms,
            received_ms=at_ms + 8 * DAY_MS,
            decision=row["decision_id"],
            customer=b"0" * 16,
            action=it["action"],
            placement=it["placement"],
            channel="web",
            brand="",
            amount=2.5 if kind == "CLICKED" else 0.0,
        )
        for row in rows
        for it in row["propositions"]
        for at_ms in [round(row["decided_at"].timestamp() * 1000) + 1000]
        for kind in _kinds(world, who[row["decision_id"]], it["action"], it["rank"], random)
    ]
    parts = Parts(to / "outcomes", "outcome_key")
    for day in sorted({day_of(outcome.at_ms) for outcome in outcomes}):
        parts.add(day, "all", outcomes_table([it for it in outcomes if day_of(it.at_ms) == day]))
    return to


def _kinds(
    world: World, customer: int, action: str, rank: int, random: np.random.Generator
) -> tuple[str, ...]:
    chance = world.examination[rank - 1] * world.propensity[customer, int(action[1:])]
    return ("DISPLAYED", "CLICKED") if random.random() < chance else ("DISPLAYED",)


def _write_customers(store: SyncClient, world: World, catalog: Path) -> None:
    online = OnlineFeatures(feature_spec(load_catalog(catalog)))
    codec = prepare(store, online, ()).codec
    persons = (
        Person((Member(codec.ring.ref(identity), identity, portion=Portion({}, features=state)),))
        for number, features in enumerate(world.customers.tolist())
        for identity, state in [
            (
                Identity("customer", str(number)),
                corner_shop.given(*features, features=online, as_of_ms=NOW_MS),
            )
        ]
    )
    list(write_persons(store, codec, persons, NOW_MS))
