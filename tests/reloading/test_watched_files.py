"""What changes on disk is served soon, and what is broken never is."""

import shutil
import signal

import pytest
from changing_shop import BROKEN, CATALOG, DEARER, FEWER_FEATURES, PLAIN, ChangingShop
from corner_shop import question
from running_service import Client, Service, ids, wait_until
from service_calls import Calls, outcome, statuses

from nextbest.v1 import error_pb2, outcome_pb2


def first(client: Client) -> str:
    """Return the best action of the home page."""
    return ids(client.decide(question(dry_run=True)))[0]


def model(client: Client) -> str:
    """Return the version of the model that ranks."""
    return str(client.decide(question(dry_run=True)).versions.model)


def seen(running: Service, event: str, times: int) -> None:
    """Wait until an event is in the log so many times, and no more."""
    wait_until(lambda: len(running.events(event)) >= times)
    assert len(running.events(event)) == times


def test_a_changed_catalog_is_served_and_a_broken_one_is_not(shop_on_disk: ChangingShop) -> None:
    with shop_on_disk.service() as running:
        client = Client(running.address)
        before = client.decide(question(dry_run=True)).versions.catalog
        plain = first(client)
        shop_on_disk.write(DEARER)
        told = running.wait_for("reloaded")
        assert first(client) != plain
        assert told["catalog_version"] == client.decide(question(dry_run=True)).versions.catalog != before
        shop_on_disk.write(BROKEN)
        seen(running, "reload_refused", 1)
        (refused,) = running.events("reload_refused")
        assert refused["why"] == "watch"
        assert refused["first"][0].startswith("actions/offers.yaml:2:9: ")
        assert first(client) != plain
        shop_on_disk.write(PLAIN)
        wait_until(lambda: first(client) == plain)
        seen(running, "reloaded", 2)
        assert client.decide(question(dry_run=True)).versions.catalog == before
        seen(running, "reload_refused", 1)  # the same broken files are told once
        client.close()
    assert "Traceback" not in running.log()


def test_models_come_into_use_as_they_are_promoted_and_damaged_ones_do_not(
    shop_on_disk: ChangingShop,
) -> None:
    older, newer = shop_on_disk.train(), shop_on_disk.train(experience=1)
    shop_on_disk.home.use_model(CATALOG, older)
    with shop_on_disk.service() as running:
        client = Client(running.address)
        assert model(client) == older
        shop_on_disk.home.use_model(CATALOG, newer)
        wait_until(lambda: model(client) == newer)
        directory = shop_on_disk.home.models(CATALOG) / newer
        (directory / "model.txt").write_bytes((directory / "model.txt").read_bytes()[:-1])
        seen(running, "reload_refused", 1)
        assert "SHA-256" in running.events("reload_refused")[0]["first"][0]
        assert str(directory) in running.events("reload_refused")[0]["first"][0]
        assert model(client) == newer
        shop_on_disk.home.roll_back_model(CATALOG)
        wait_until(lambda: model(client) == older)
        client.close()


def test_a_catalog_that_the_model_does_not_fit_is_refused(shop_on_disk: ChangingShop) -> None:
    shop_on_disk.home.use_model(CATALOG, shop_on_disk.train())
    with shop_on_disk.service() as running:
        client = Client(running.address)
        before = first(client)
        text = (shop_on_disk.catalog / "features.yaml").read_text()
        shop_on_disk.write(text.replace("  - name: days_since_trip", "  - name: days_away"), "features.yaml")
        seen(running, "reload_refused", 1)
        (told,) = running.events("reload_refused")[0]["first"]
        assert "days_away is new" in told
        assert first(client) == before
        shop_on_disk.write(FEWER_FEATURES, "features.yaml")
        seen(running, "reload_refused", 2)
        assert first(client) == before
        client.close()


def test_a_catalog_that_is_gone_changes_nothing(shop_on_disk: ChangingShop) -> None:
    with shop_on_disk.service() as running:
        client = Client(running.address)
        before = first(client)
        away = shop_on_disk.root / "away"
        shop_on_disk.catalog.rename(away)
        seen(running, "reload_refused", 1)
        assert first(client) == before
        shutil.copytree(away, shop_on_disk.catalog)
        shop_on_disk.write(DEARER)
        wait_until(lambda: first(client) != before)
        client.close()


def test_a_hangup_reloads_where_nobody_watches(shop_on_disk: ChangingShop) -> None:
    with shop_on_disk.service("--no-watch") as running:
        client = Client(running.address)
        before = first(client)
        shop_on_disk.write(DEARER)
        running.process.send_signal(signal.SIGHUP)
        assert running.wait_for("reloaded")["why"] == "signal"
        assert first(client) != before
        client.close()


def test_outcomes_of_propositions_made_before_a_reload_are_counted_after_it(
    shop_on_disk: ChangingShop,
) -> None:
    with shop_on_disk.service() as running:
        calls = Calls(running.address)
        answer = calls.decide(question())
        token = answer.placements[0].propositions[0].token
        shop_on_disk.write(DEARER)
        running.wait_for("reloaded")
        assert calls.report(outcome(token, "DISPLAYED")) == [error_pb2.ITEM_STATUS_APPLIED]
        again = outcome_pb2.ReportOutcomesRequest(
            outcomes=[outcome(calls.decide(question()).placements[0].propositions[0].token, "CLICKED")]
        )
        assert statuses(calls.outcomes.ReportOutcomes(again, timeout=20).results) == [
            error_pb2.ITEM_STATUS_APPLIED
        ]
        calls.close()


@pytest.mark.parametrize("broken", ["catalog", "model"])
def test_what_was_good_last_is_served_where_what_is_there_is_broken_at_the_start(
    shop_on_disk: ChangingShop, broken: str
) -> None:
    version = shop_on_disk.train()
    shop_on_disk.home.use_model(CATALOG, version)
    kept = shop_on_disk.home.root / "last-good"
    with shop_on_disk.service() as running:
        client = Client(running.address)
        expected = client.decide(question(dry_run=True))
        client.close()
        wait_until(lambda: bool([*kept.glob("*/newest.json")]))
    file = shop_on_disk.home.models(CATALOG) / version / "model.txt"
    sound = file.read_bytes()
    if broken == "catalog":
        shop_on_disk.write(BROKEN)
    else:
        file.write_bytes(sound[:1000])
    with shop_on_disk.service("--admin-port", "0") as running:
        (told,) = running.events("serving_last_good")
        assert told["level"] == "error"
        client = Client(running.address)
        found = client.decide(question(dry_run=True))
        assert (ids(found), found.versions) == (ids(expected), expected.versions)
        if broken == "catalog":
            shop_on_disk.write(DEARER)
        else:
            file.write_bytes(sound)
            shop_on_disk.write(DEARER)
        wait_until(lambda: first(client) != ids(expected)[0])
        assert not running.events("reload_refused")  # it was told at the start
        client.close()


def test_nothing_is_served_from_before_where_that_is_not_wanted(shop_on_disk: ChangingShop) -> None:
    kept = shop_on_disk.home.root / "last-good"
    with shop_on_disk.service():
        wait_until(lambda: bool([*kept.glob("*/newest.json")]))
    shop_on_disk.write(BROKEN)
    with (
        pytest.raises(AssertionError, match=r"actions/offers.yaml:2:9"),
        shop_on_disk.service("--no-last-good", wait_for="serving_last_good"),
    ):
        pass
