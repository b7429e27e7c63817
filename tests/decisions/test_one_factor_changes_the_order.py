"""P x C x V x L: changing one factor of one action changes the order, and every factor is in the answer.

An offer and a service compete, so that different types stand on one scale.
"""

import asyncio
import json
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from deciding import LIMITED, HandClock, ask, deciding, question

from nextbest.v1 import decision_pb2, proposition_pb2, value_pb2
from nextbest_service.store.connection import SyncClient

LEADER = {"id": "leader", "type": "OFFER", "issue": "cross_sell", "group": "loans", "title": "Leader"}
RIVAL = {"id": "rival", "type": "SERVICE", "issue": "experience", "group": "care", "title": "Rival"}
SELECTED = {"issues": ["experience"]}
ON_HELP = 'context.page == "help"'
WEIGHT = {"id": "fits", "applies_to": SELECTED, "when": ON_HELP, "weight": 1.5, "reason": "R."}
GOAL = {"id": "please", "title": "Please", "levers": [{"applies_to": SELECTED, "lever": 1.5}]}
USUAL = {"starting_propensity": 0.2, "value": 4.0, "lever": 1.0}
Asked = Mapping[str, object]


@pytest.fixture
def shop(tmp_path: Path, valkey: SyncClient, valkey_url: str) -> "Shop":
    assert valkey.ping()
    return Shop(Path(shutil.copytree(LIMITED, tmp_path / "catalog")), valkey_url)


class Shop:
    """A catalog of a leader (0.1 x 1 x 10 x 1) and a rival, of which tests change one factor."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory, self.url = directory, url
        page = {"name": "page", "type": "string", "default": ""}
        self.write("facts", {**self.read("facts"), "context": [page]})
        self.write("policies", {"context_weights": [WEIGHT]})
        head = (directory / "catalog.yaml").read_text()
        (directory / "catalog.yaml").write_text(f"{head}\ngoals: {json.dumps([GOAL])}\n")

    def read(self, name: str) -> dict[str, object]:
        """Return one file of the catalog."""
        return dict(yaml.safe_load((self.directory / f"{name}.yaml").read_text()))

    def write(self, name: str, content: object) -> None:
        """Write one file of the catalog; JSON is YAML, too."""
        (self.directory / f"{name}.yaml").write_text(json.dumps(content))

    def answer(self, rival: Mapping[str, object], asked: Asked) -> list[proposition_pb2.Proposition]:
        """Return both propositions, best first."""
        leader = {**LEADER, "starting_propensity": 0.1, "value": 10.0}
        shutil.rmtree(self.directory / "actions")
        (self.directory / "actions").mkdir()
        self.write("actions/all", [leader, {**RIVAL, **USUAL, **rival}])
        request = question("home", **asked)
        request.placements[0].limit = 2

        async def decide() -> decision_pb2.DecideResponse:
            async with deciding(self.url, HandClock(), self.directory) as decider:
                return await ask(decider, request)

        return list(asyncio.run(decide()).placements[0].propositions)


def factors(item: proposition_pb2.Proposition) -> tuple[float, float, float, float]:
    return item.propensity, item.context_weight, item.value, item.lever


def test_as_declared_the_leader_is_ahead(shop: Shop) -> None:
    leader, rival = shop.answer({}, {})
    assert (leader.action_id, factors(leader)) == ("leader", (0.1, 1.0, 10.0, 1.0))
    assert (rival.action_id, factors(rival)) == ("rival", (0.2, 1.0, 4.0, 1.0))


HELP = value_pb2.Context(strings={"page": "help"})


@pytest.mark.parametrize(
    ("rival", "asked", "changed"),
    [
        ({"starting_propensity": 0.3}, {}, (0.3, 1.0, 4.0, 1.0)),
        ({}, {"context": HELP}, (0.2, 1.5, 4.0, 1.0)),
        ({"value": 6.0}, {}, (0.2, 1.0, 6.0, 1.0)),
        ({"value": "3.0 * 2.0"}, {}, (0.2, 1.0, 6.0, 1.0)),
        ({"lever": 1.5}, {}, (0.2, 1.0, 4.0, 1.5)),
        ({}, {"goal": "please"}, (0.2, 1.0, 4.0, 1.5)),
    ],
    ids=["P declared", "C by context", "V declared", "V by formula", "L of the action", "L of the goal"],
)
def test_one_factor_half_as_much_again_puts_the_rival_ahead(
    shop: Shop, rival: Mapping[str, object], asked: Asked, changed: tuple[float, ...]
) -> None:
    first, second = shop.answer(rival, asked)
    assert (first.action_id, second.action_id) == ("rival", "leader")
    assert factors(first) == pytest.approx(changed)
    assert factors(second) == (0.1, 1.0, 10.0, 1.0)
    for better, worse in pairwise((first, second)):
        assert better.priority == pytest.approx(1.2)
        assert worse.priority == pytest.approx(1.0)


def test_all_factors_of_an_action_multiply(shop: Shop) -> None:
    shop.write(
        "policies",
        {"context_weights": [WEIGHT, {**WEIGHT, "id": "too", "weight": "size(context.page) * 1"}]},
    )
    first, _ = shop.answer({"lever": 2.0}, {"context": HELP, "goal": "please"})
    assert factors(first) == (0.2, 1.5 * 4, 4.0, 2.0 * 1.5)
    assert first.priority == first.propensity * first.context_weight * first.value * first.lever
