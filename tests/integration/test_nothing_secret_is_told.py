"""Canaries: secrets and a customer's id go through good calls and bad ones, and come out nowhere."""

import json
import logging
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from authority import Authority, bearer, channel_credentials, replaced
from corner_shop import open_for_business
from running_service import CANARY, CORNER_SHOP, Service, read_refusal, service, spawn, wait_until
from service_calls import identity

from nextbest.v1 import customer_pb2, decision_pb2, event_pb2, outcome_pb2, profile_pb2
from nextbest_service.logs import LogFormat, LogLevel, configure_logs
from nextbest_service.security.caller_tokens import make_token
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey
from nextbest_service.store.keys import KeyRing
from nextbest_service.store.secret import read_key_ring

PASSWORD = "canary-store-password"
TOKEN = make_token()
AUTHORITY = Authority()
SERVICE = "/nextbest.v1."
CALLERS = f"""
callers:
  - name: everything
    tokens: [{{sha256: {TOKEN.sha256}}}]
    rpcs: [DecisionService/*, CustomerService/*, OutcomeService/*]
    channels: ["*"]
    placements: [home]
    brands: ["*"]
    explain: full
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the secrets are."""
    return tmp_path_factory.mktemp("secrets")


@pytest.fixture(scope="module")
def guarded(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, KeyRing]]:
    """A service that tells as much as it can, on a store with a password, and the store's secret."""
    with embedded_valkey(tmp_path_factory.mktemp("store")) as url:
        with connect_for_bulk(url) as store:
            open_for_business(store)
            ring = read_key_ring(store)
            store.config_set("requirepass", PASSWORD)
        file = replaced(directory / "redis-url", url.replace("unix://", f"unix://:{PASSWORD}@") + "\n")
        certificate, key = AUTHORITY.server().written(directory, "tls")
        callers = replaced(directory / "callers.yaml", CALLERS)
        options = ["--redis-url-file", str(file), "--tls-cert", str(certificate), "--tls-key", str(key)]
        options += ["--callers", str(callers), "--metrics-port", "0", "--log-level", "debug"]
        options += ["--store-timeout-ms", "2000"]
        with service(tmp_path_factory.mktemp("guarded"), *options) as running:
            yield running, ring
            running.stop()
        with connect_for_bulk(url.replace("unix://", f"unix://:{PASSWORD}@")) as store:
            store.config_set("requirepass", "")


def calls() -> list[tuple[str, bytes]]:
    """Return good calls and bad ones, all of them about the canary."""
    who = identity("customer", CANARY)
    wrong = identity(CANARY, CANARY)
    home = [decision_pb2.PlacementRequest(id="home")]
    event = event_pb2.Event(id=CANARY, source="shop", type="order.placed", identities=[who], time_unix_ms=1)
    outcome = outcome_pb2.Outcome(id=CANARY, source="web", type="OUTCOME_TYPE_ACCEPTED", token=CANARY)
    messages = [
        ("DecisionService/Decide", decision_pb2.DecideRequest(identities=[who], placements=home)),
        (
            "DecisionService/Decide",
            decision_pb2.DecideRequest(identities=[who], placements=home, request_id=CANARY, explain_level=3),
        ),
        ("DecisionService/Decide", decision_pb2.DecideRequest(identities=[wrong], placements=home)),
        (
            "DecisionService/Decide",
            decision_pb2.DecideRequest(
                identities=[who], placements=[decision_pb2.PlacementRequest(id=CANARY)], channel=CANARY
            ),
        ),
        (
            "CustomerService/UpsertProfiles",
            customer_pb2.UpsertProfilesRequest(
                profiles=[profile_pb2.Profile(identities=[who]), profile_pb2.Profile(identities=[wrong])]
            ),
        ),
        ("CustomerService/TrackEvents", customer_pb2.TrackEventsRequest(events=[event])),
        (
            "CustomerService/LinkIdentities",
            customer_pb2.LinkIdentitiesRequest(
                identities=[who, identity("cookie", CANARY)], source="support"
            ),
        ),
        ("CustomerService/GetCustomer", customer_pb2.GetCustomerRequest(identity=who)),
        ("CustomerService/GetCustomer", customer_pb2.GetCustomerRequest(identity=wrong)),
        ("CustomerService/EraseCustomer", customer_pb2.EraseCustomerRequest(identity=who, source="support")),
        ("OutcomeService/ReportOutcomes", outcome_pb2.ReportOutcomesRequest(outcomes=[outcome])),
    ]
    encoded = [(rpc, message.SerializeToString()) for rpc, message in messages]
    return [*encoded, ("DecisionService/Decide", b"\xff" + CANARY.encode())]


def test_nothing_secret_and_nobodys_id_comes_out_of_the_service(
    guarded: tuple[Service, KeyRing], directory: Path
) -> None:
    running, ring = guarded
    refused = []
    with grpc.secure_channel(running.address, channel_credentials(AUTHORITY.root)) as channel:
        for rpc, message in calls():
            for metadata in (bearer(TOKEN.token), bearer(f"{CANARY}-{TOKEN.token}"), ()):
                try:
                    channel.unary_unary(SERVICE + rpc)(message, timeout=20, metadata=metadata)
                except grpc.RpcError as error:
                    refused.append(read_refusal(error))
        replaced(directory / "callers.yaml", CALLERS.replace("sha256: ", f"sha256: {TOKEN.token} # "))
        running.wait_for("reload_refused")
        address = running.wait_for("metrics_served")["address"]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
    assert len(refused) > 2 * len(calls())
    told = running.log() + metrics + "".join(it.message + repr(it.violations) for it in refused)
    told += "".join(it.raw.decode(errors="replace") for it in refused)
    key = (directory / "tls.key").read_text().splitlines()[1]
    for secret in (CANARY, PASSWORD, TOKEN.token, key, ring.secret.hex(), repr(ring.secret)[2:-1]):
        assert secret not in told
    assert "call_refused" in running.log()


def wrong_url(directory: Path, own: Path) -> Path:
    """Return a file with the URL of the store and a password that it does not take."""
    url = (directory / "redis-url").read_text()
    return replaced(own / "wrong-url", url.replace(PASSWORD, "canary-wrong-password"))


def test_a_service_whose_store_refuses_its_password_does_not_tell_it(
    guarded: tuple[Service, KeyRing], directory: Path, tmp_path: Path
) -> None:
    del guarded
    arguments = ["serve", "--home", str(tmp_path), "--catalog", str(CORNER_SHOP), "--port", "0"]
    arguments += ["--log-level", "debug", "--redis-url-file", str(wrong_url(directory, tmp_path))]
    with spawn(tmp_path, arguments) as running:
        wait_until(lambda: "store" in running.log() or running.process.poll() is not None)
        assert "store" in running.log()
        assert "canary" not in running.log()


def test_a_command_whose_store_refuses_its_password_does_not_tell_it(
    guarded: tuple[Service, KeyRing], directory: Path, tmp_path: Path
) -> None:
    del guarded
    environment = {**os.environ, "NEXTBEST_REDIS_URL_FILE": str(wrong_url(directory, tmp_path))}
    command = [sys.executable, "-m", "nextbest_service", "customers", "stats", "--home", str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode
    assert ended.stderr
    assert "canary" not in ended.stdout + ended.stderr


def test_a_defect_is_logged_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    import structlog  # noqa: PLC0415 - configured anew here, and as it was afterwards

    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = [*root.handlers], root.level
    configure_logs(LogFormat.JSON, LogLevel.DEBUG)
    try:
        {}[CANARY]
    except KeyError as cause:
        error = ValueError(CANARY)
        error.__cause__ = cause
        structlog.get_logger().error("handler_failed", exc_info=error)
    finally:
        structlog.configure(**before)
        logging.basicConfig(handlers=handlers, level=level, force=True)
    line = json.loads(capsys.readouterr().err)
    assert "builtins.ValueError" in line["exception"]
    assert "builtins.KeyError" in line["exception"]
    assert "test_nothing_secret_is_told.py" in line["exception"]
    assert CANARY not in line["exception"]


def test_the_secret_of_a_store_is_not_shown_with_what_holds_it() -> None:
    assert "hunter2" not in repr(KeyRing(b"hunter2"))
