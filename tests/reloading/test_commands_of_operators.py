"""`nextbest status` and `nextbest reload` on a running service."""

import json

from changing_shop import BROKEN, DEARER, PLAIN, ChangingShop
from click.testing import Result
from running_service import wait_until
from typer.testing import CliRunner

from nextbest_service.cli.app import app
from nextbest_service.cli.failures import describe


def run(shop: ChangingShop, *arguments: str) -> Result:
    """Run a command on the home of a shop."""
    return CliRunner().invoke(app, [*arguments, "--home", str(shop.home.root)])


def test_operators_see_what_is_served_and_load_it_anew(shop_on_disk: ChangingShop) -> None:
    with shop_on_disk.service("--no-watch", "--admin-port", "0"):
        wait_until(lambda: bool([*shop_on_disk.home.root.glob("last-good/*/newest.json")]))
        status = run(shop_on_disk, "status")
        assert status.exit_code == 0, status.output
        assert "corner_shop: 12 actions, 0 killed" in status.stdout
        shop_on_disk.write(DEARER)
        assert "It can be served." in run(shop_on_disk, "reload", "--check").stdout
        loaded = run(shop_on_disk, "reload", "--target", "catalog", "--json")
        assert json.loads(loaded.stdout)["swapped"] is True
        assert "Nothing had changed." in run(shop_on_disk, "reload").stdout
        shop_on_disk.write(BROKEN)
        refused = run(shop_on_disk, "reload")
        assert refused.exit_code == 2
        assert "actions/offers.yaml:2:9: error: expected 'OFFER'" in refused.stdout
        sick = run(shop_on_disk, "status", "--json")
        assert sick.exit_code == 2
        assert [it["name"] for it in json.loads(sick.stdout)["parts"] if not it["healthy"]] == ["catalog"]
        shop_on_disk.write(PLAIN)
        assert "Loaded." in run(shop_on_disk, "reload").stdout
        assert run(shop_on_disk, "reload", "--target", "callers").exit_code == 2
        assert run(shop_on_disk, "reload", "--target", "nothing").exit_code == 2
        assert run(shop_on_disk, "status").exit_code == 0


def test_a_service_without_an_admin_address_is_told(shop_on_disk: ChangingShop) -> None:
    refused = run(shop_on_disk, "status")
    assert isinstance(refused.exception, Exception)
    failure = describe(refused.exception)
    assert failure is not None
    assert failure.exit_code == 3
    assert "--admin-port" in failure.lines[0]
