"""What operators do while a service runs on its embedded store: load customers, stop actions, ask."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from running_service import Client, Service, ids, service
from typer.testing import CliRunner

from nextbest.v1 import action_pb2, decision_pb2, identity_pb2
from nextbest_service.cli.app import app
from nextbest_service.cli.failures import describe
from nextbest_service.customer_files import CustomerFileError
from nextbest_service.home import Home
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.keys import POINTER, RECORD_FIELDS, Identity, person_key
from nextbest_service.store.secret import read_key_ring
from nextbest_service.store.where import store_url

NOW = "2026-03-02T03:00:00Z"
HOUR_LATER_MS = 1_772_424_000_000
CUSTOMERS = """
- identities: [customer:hoa, cookie:c-1]
  facts: {age: 45, income: 10000000, in_default: false, pre_approved: true}
  facts_as_of: -1d
  consents: [{purpose: marketing, granted: true, at: -60d}]
- identities: [customer:linh]
  tickets: [{id: T1, kind: fault, severity: high, products: [espresso-machine], opened_at: -2d}]
"""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of the bank in a home of its own, which stands still at the catalog's time."""
    home = tmp_path_factory.mktemp("home")
    options = ("--clock", NOW, "--freeze-clock", "--store-timeout-ms", "1000")
    with service(home, *options, catalog=Path("bank")) as running:
        yield running
        assert running.stop() == 0, running.log()


@pytest.fixture(scope="module")
def home(bank: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the service, with two customers loaded into it."""
    home = bank.log_file.parent
    file = tmp_path_factory.mktemp("files") / "customers.yaml"
    file.write_text(CUSTOMERS)
    loaded = nextbest("load", "customers", str(file), "--json", home=home)
    figures = json.loads(loaded.stdout)
    assert (loaded.exit_code, figures["customers"], figures["identities"]) == (0, 2, 3)
    return home


@pytest.fixture
def client(bank: Service) -> Iterator[Client]:
    connected = Client(bank.address)
    yield connected
    connected.close()


def nextbest(*arguments: str, home: Path) -> Result:
    """Run the command line on a home, where the catalog has to be named."""
    catalog = [] if arguments[:2] == ("catalog", "kills") else ["--catalog", "bank"]
    return CliRunner().invoke(app, [*arguments, "--home", str(home), *catalog])


def ask(client: Client, namespace: str, name: str) -> Any:
    return client.decide(
        decision_pb2.DecideRequest(
            identities=[identity_pb2.Identity(namespace=namespace, id=name)],
            placements=[decision_pb2.PlacementRequest(id="web_hero", limit=5)],
            explain_level=decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS,
            dry_run=True,
        )
    )


def reason(answer: Any, action: str) -> Any:
    return next(item for item in answer.exclusions if item.action_id == action)


@pytest.mark.parametrize("name", [("customer", "hoa"), ("cookie", "c-1")])
def test_a_customer_is_loaded_under_every_name(home: Path, client: Client, name: tuple[str, str]) -> None:
    del home
    answer = ask(client, *name)
    assert answer.customer_known
    assert ids(answer)[0] == "gold-card"


def test_a_loaded_ticket_counts(home: Path, client: Client) -> None:
    del home
    assert ids(ask(client, "customer", "linh"))[0] == "ticket-status"


def test_a_dry_run_writes_nothing(home: Path, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    file.write_text('{"identities": ["customer:new"]}\n')
    checked = nextbest("load", "customers", str(file), "--dry-run", home=home)
    assert (checked.exit_code, checked.stdout[:19]) == (0, "Checked 1 customers")
    assert not ask(client, "customer", "new").customer_known


def test_broken_files_are_told_line_by_line_and_nothing_is_written(
    home: Path, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "new.jsonl"
    file.write_text(
        '{"identities": ["customer:new"]}\n{"identities": ["customer:x"], "facts": {"agee": 1}}\n'
    )
    refused = nextbest("load", "customers", str(file), home=home)
    assert isinstance(refused.exception, CustomerFileError)
    failure = describe(refused.exception)
    assert failure is not None
    assert failure.exit_code == 2
    assert failure.lines == (
        f"{file}:2:50: unknown fact 'agee'; did you mean 'age'?",
        "1 error in the customers; nothing was loaded",
    )
    assert not ask(client, "customer", "new").customer_known


def test_a_killed_action_is_out_of_the_very_next_decision_until_it_is_revived(
    home: Path, client: Client
) -> None:
    killed = nextbest(
        *("catalog", "kill", "gold-card", "--reason", "The rate is wrong.", "--until", "2026-03-02T04:00Z"),
        home=home,
    )
    assert killed.exit_code == 0, killed.output
    answer = ask(client, "customer", "hoa")
    assert "gold-card" not in ids(answer)
    excluded = reason(answer, "gold-card")
    assert (excluded.stage, excluded.rule_id) == (action_pb2.STAGE_VALIDITY, "killed")
    assert excluded.reason == "An operator stopped the action: The rate is wrong."
    assert excluded.eligible_at_unix_ms == HOUR_LATER_MS
    (listed,) = json.loads(nextbest("catalog", "kills", "--json", home=home).stdout)["kills"]
    assert {**listed, "caller": ""} == {
        "action": "gold-card",
        "reason": "The rate is wrong.",
        "since": NOW,
        "until": "2026-03-02T04:00:00Z",
        "caller": "",
    }
    assert "The rate is wrong." in nextbest("catalog", "kills", home=home).stdout
    revived = nextbest("catalog", "revive", "gold-card", "--json", home=home)
    assert json.loads(revived.stdout) == {"action": "gold-card", "revived": True}
    assert ids(ask(client, "customer", "hoa"))[0] == "gold-card"
    assert "was not killed" in nextbest("catalog", "revive", "gold-card", home=home).stdout
    assert "No action is killed." in nextbest("catalog", "kills", home=home).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("kill", "gold-crad", "--reason", "x"), "did you mean 'gold-card'?"),
        (("kill", "gold-card", "--reason", "x", "--until", "2026-03-02T03:00Z"), "lies in the past"),
        (("kill", "gold-card"), "--reason"),
        (("revive", "gold-crad"), "did you mean 'gold-card'?"),
    ],
)
def test_wrong_usage_stops_nothing(home: Path, arguments: tuple[str, ...], told: str) -> None:
    refused = nextbest("catalog", *arguments, home=home)
    assert refused.exit_code == 2
    assert told in " ".join(refused.output.replace("│", " ").split())
    assert json.loads(nextbest("catalog", "kills", "--json", home=home).stdout) == {"kills": []}


@pytest.mark.parametrize("part", ["tickets", "contacts", "consents", "events"])
def test_a_part_that_cannot_be_read_is_reported_and_only_makes_the_answer_more_careful(
    home: Path, client: Client, part: str
) -> None:
    sound = set(ids(ask(client, "cookie", "c-1")))
    with store_url(Home(home), None) as url, connect_for_bulk(url) as store:
        ring = read_key_ring(store)
        key = person_key(ring.ref(Identity("cookie", "c-1")))
        head = store.hget(key, POINTER)
        key, field = person_key(head) if head else key, RECORD_FIELDS[part]
        before = store.hget(key, field)
        store.hset(key, field, b"damaged")
        answer = ask(client, "cookie", "c-1")
        store.hdel(key, field) if before is None else store.hset(key, field, before)
    assert "STATE_UNREADABLE" in {item.reason for item in answer.degraded}
    if part != "consents":  # which count for outbound contacts only
        assert "gold-card" in sound
        assert "gold-card" not in ids(answer)


def decide(home: Path, *arguments: str) -> str:
    shown = CliRunner().invoke(app, ["decide", "--home", str(home), *arguments])
    assert shown.exit_code == 0, shown.output
    return " ".join(shown.stdout.split())


def test_the_terminal_shows_treatment_parameters_and_expiry(home: Path) -> None:
    shown = decide(home, "-c", "hoa", "-p", "web_hero", "--locale", "vi", "--limit", "1")
    assert "as gold-card-screen-vi, credit_limit = 20,000,000, until 2026-03-" in shown


def test_the_terminal_shows_channel_and_time_where_the_service_chose_them(home: Path) -> None:
    assert "by email at 2026-03-0" in decide(home, "-c", "hoa", "-p", "next_contact")
    assert "by sms" in decide(home, "-c", "hoa", "-p", "next_contact", "--channel", "sms")


def test_the_terminal_explains_by_stage_and_rule(home: Path) -> None:
    shown = decide(home, "-c", "linh", "-p", "web_hero", "--explain", "--brand", "heron-bank")
    assert "guard: open_ticket A service ticket is open or was closed only lately." in shown
    assert "is ticket: id T1, kind fault, severity high" in shown
    assert "again from 2027-01-29 17:00:00 UTC" in shown
    assert shown.index("validity: brand") < shown.index("guard: open_ticket") < shown.index("applicability: ")


@pytest.mark.parametrize(
    ("goal", "kind"),
    [("sell", "OFFER"), ("service", "SERVICE"), ("learn", "INFORMATION")],
)
def test_the_goal_of_the_moment_may_be_given(home: Path, goal: str, kind: str) -> None:
    arguments = ("-c", "hoa", "-p", "exit_intent", "--goal", goal, "--context", "cart_value=500000", "--json")
    answer = json.loads(CliRunner().invoke(app, ["decide", "--home", str(home), *arguments]).stdout)
    assert answer["placements"][0]["propositions"][0]["action_type"] == f"ACTION_TYPE_{kind}"
