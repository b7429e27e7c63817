"""What a caller of EXPLAIN_LEVEL_FULL gets from a real process, and what stays out of its log."""

import json
from itertools import pairwise

import numpy as np
import pytest
from corner_shop import asked, question
from running_service import Client, Service
from typer.testing import CliRunner, Result

from nextbest.v1 import decision_pb2, proposition_pb2, value_pb2
from nextbest_models.calibration import log_odds
from nextbest_service.cli.app import app

FULL = decision_pb2.EXPLAIN_LEVEL_FULL
BASKET = 8.0625  # a value that stands nowhere else


def nextbest(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "150"}).invoke(app, arguments)


def explained(client: Client) -> list[proposition_pb2.Proposition]:
    context = value_pb2.Context(numbers={"basket_value": BASKET})
    request = question(asked("home", limit=10), explain_level=FULL, context=context)
    return list(client.decide(request).placements[0].propositions)


def test_the_parts_of_each_propensity_add_up_to_it(client: Client) -> None:
    found = explained(client)
    assert len(found) == 8
    for it in found:
        parts = [part.log_odds for part in it.explanation.contributions]
        assert all(abs(one) >= abs(two) for one, two in pairwise(parts))
        total = it.explanation.base_log_odds + sum(parts) + it.explanation.others_log_odds
        total += it.explanation.calibration_log_odds
        assert total == pytest.approx(float(log_odds(np.array(it.propensity))), abs=1e-9)
        assert [words for words in it.explanation.sentences if words.startswith(("P:", "C:", "V:", "L:"))]


def test_what_the_customer_did_and_what_was_asked_is_told(client: Client) -> None:
    wine = next(it for it in explained(client) if it.action_id == "spring-wine").explanation
    values = {part.feature: part.value if part.HasField("value") else None for part in wine.contributions}
    assert (values["trips_91d"], values["category_trips"], values["basket"]) == (9.0, 7.0, BASKET)
    assert values["offer_discount"] is None
    assert "Shopping trips in the last 91 days: 9" in " ".join(wine.sentences)


def test_values_of_features_are_in_the_answer_and_not_in_the_log(client: Client, shop: Service) -> None:
    assert str(BASKET)[:4] in str(explained(client))
    assert str(BASKET) not in shop.log()
    assert "8.06" not in shop.log()


@pytest.mark.parametrize("level", [("--explain",), ("--explain", "exclusions"), ("--explain=exclusions",)])
def test_the_command_line_says_why_others_were_left_out(
    client: Client, shop: Service, level: tuple[str, ...]
) -> None:
    del client
    shown = nextbest("decide", "-c", "anna", "-p", "home", *level, "--address", shop.address)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "others were left out" in shown.stdout
    assert "P: expected to work" not in shown.stdout


def test_the_command_line_says_why_propositions_stand_where_they_stand(client: Client, shop: Service) -> None:
    del client
    command = ("decide", "-c", "anna", "-p", "home", "--explain", "full", "--address", shop.address)
    shown = nextbest(*command)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "Why these in home" in shown.stdout
    assert "others were left out" in shown.stdout
    lines = [line.strip() for line in shown.stdout.splitlines()]
    assert "+1.01  category_trips: 7, which raises it a lot." in lines
    assert "V: worth 3 if it works." in lines
    plain = json.loads(nextbest(*command, "--json").stdout)
    explanation = plain["placements"][0]["propositions"][0]["explanation"]
    assert explanation["contributions"][0]["feature"] == "category_trips"
    assert explanation["sentences"][0].startswith("Rank 1 by priority")


def test_an_unknown_level_is_wrong_usage(client: Client, shop: Service) -> None:
    del client
    shown = nextbest("decide", "-c", "anna", "--explain=everything", "--address", shop.address)
    assert shown.exit_code == 2
    assert "full" in shown.stderr
