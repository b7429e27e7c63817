"""The service in production: TLS, callers by token and JWT, and each may do what its file says, no more."""

import itertools
import os
import subprocess
import sys
import urllib.request
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import redis
from authority import AUDIENCE, ISSUER, Authority, Signer, bearer, channel_credentials, replaced
from corner_shop import asked, question
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from running_service import (
    CORNER_SHOP,
    DECIDE,
    Refusal,
    Service,
    read_refusal,
    service,
    spawn,
    wait_until,
)

from nextbest.v1 import admin_pb2, customer_pb2, decision_pb2, error_pb2, identity_pb2
from nextbest.v1.decision_pb2 import DecideStreamRequest, DecideStreamResponse
from nextbest_service.security.caller_tokens import make_token

AUTHORITY, LOGIN = Authority(), Signer()
WEB, APP, CAMPAIGNS, OPERATIONS = make_token(), make_token(), make_token(), make_token()
UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
ADMIN = "/nextbest.v1.AdminService"
KILL = f"{ADMIN}/KillAction"
STREAM, GET = "/nextbest.v1.DecisionService/DecideStream", "/nextbest.v1.CustomerService/GetCustomer"
FULL = decision_pb2.EXPLAIN_LEVEL_FULL
_nonces = itertools.count()


def callers(web_placements: str = "[home]", sha256: str = WEB.sha256) -> str:
    """Return a callers file."""
    return f"""
issuers:
  - {{issuer: {ISSUER}, audience: {AUDIENCE}, algorithms: [RS256], pem: login.pem, leeway_seconds: 0}}
callers:
  - name: web
    tokens: [{{sha256: {sha256}}}]
    jwts: [{{issuer: {ISSUER}, subject: website}}]
    rpcs: [DecisionService/*]
    channels: [web, app]
    placements: {web_placements}
    brands: ["*"]
    explain: exclusions
  - name: app
    tokens: [{{sha256: {APP.sha256}}}]
    rpcs: [DecisionService/*]
    channels: [app]
    placements: ["*"]
    brands: ["*"]
  - name: campaigns
    tokens: [{{sha256: {CAMPAIGNS.sha256}}}]
    rpcs: [DecisionService/*]
    channels: ["*"]
    placements: ["*"]
    brands: ["*"]
    priority: bulk
    quota: {{per_second: 0.001, burst: 3}}
  - name: operations
    tokens: [{{sha256: {OPERATIONS.sha256}}}]
    rpcs: [CustomerService/GetCustomer, AdminService/*]
"""


@dataclass
class Production:
    """A service with TLS and callers, and a channel to it."""

    running: Service
    directory: Path
    channel: grpc.Channel

    def outcome(self, rpc: str, request: Message, metadata: Sequence[tuple[str, str]] = ()) -> Any:
        """Return the bytes of the answer, or the refusal."""
        try:
            return self.channel.unary_unary(rpc)(request.SerializeToString(), timeout=20, metadata=metadata)
        except grpc.RpcError as error:
            return read_refusal(error)

    def refusal(
        self, request: Message, metadata: Sequence[tuple[str, str]] = (), rpc: str = DECIDE
    ) -> Refusal:
        """Return why a call was refused."""
        found = self.outcome(rpc, request, metadata)
        assert isinstance(found, Refusal), "answered"
        return found

    def answers(self, request: Message, token: str, rpc: str = DECIDE) -> bool:
        """Tell whether a call is answered; it must not fail by anything but credentials and permissions."""
        found = self.outcome(rpc, request, bearer(token))
        assert not isinstance(found, Refusal) or found.status in {UNAUTHENTICATED, DENIED}, found
        return not isinstance(found, Refusal)


@pytest.fixture(scope="module")
def production(
    shop_model: Path, shop_store: redis.Redis, shop_store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    """The service as it runs in production. It must end cleanly."""
    del shop_store
    directory = tmp_path_factory.mktemp("secrets")
    certificate, key = AUTHORITY.server().written(directory, "tls")
    replaced(directory / "login.pem", LOGIN.public)
    replaced(directory / "ca.pem", AUTHORITY.root)
    file = replaced(directory / "callers.yaml", callers())
    replaced(directory / "token", WEB.token + "\n")
    options = ["--redis-url", shop_store_url, "--model", str(shop_model), "--store-timeout-ms", "2000"]
    options += ["--tls-cert", str(certificate), "--tls-key", str(key), "--callers", str(file), "--production"]
    options += ["--metrics-port", "0", "--health-port", "0", "--admin-port", "0"]
    with service(tmp_path_factory.mktemp("production"), *options) as running:
        with grpc.secure_channel(running.address, channel_credentials(AUTHORITY.root)) as channel:
            yield Production(running, directory, channel)
        assert running.stop() == 0, running.log()
    assert "Traceback" not in running.log()


def test_who_has_a_token_is_answered(production: Production) -> None:
    assert production.answers(question(), WEB.token)
    assert production.answers(question(), LOGIN.token())
    assert production.answers(question(explain_level=decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS), WEB.token)


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        bearer(""),
        bearer("guessed"),
        bearer(WEB.token[:-1]),
        bearer(WEB.sha256),
        bearer(LOGIN.token(aud="others")),
        bearer(Signer().token()),
        (("authorization", f"Basic {WEB.token}"),),
        (("authorization", WEB.token),),
        (("x-authorization", f"Bearer {WEB.token}"),),
        (*bearer("guessed"), *bearer(WEB.token)),
        (*bearer(WEB.token), *bearer("guessed")),
    ],
    ids=lambda _: str(next(_nonces)),
)
def test_nobody_else_learns_anything(production: Production, metadata: Sequence[tuple[str, str]]) -> None:
    requests = [(DECIDE, question()), (DECIDE, question("attic")), (DECIDE, decision_pb2.DecideRequest())]
    others = [(GET, customer_pb2.GetCustomerRequest()), ("/nextbest.v1.AdminService/GetStatus", question())]
    said = {production.refusal(request, metadata, rpc).raw for rpc, request in requests + others}
    assert len(said) == 1, "refusals differ"
    refusal = production.refusal(question(), metadata)
    assert (refusal.status, refusal.reason, refusal.domain) == (
        UNAUTHENTICATED,
        "UNAUTHENTICATED",
        "nextbest",
    )
    assert not refusal.violations


def test_a_caller_may_call_its_rpcs_only(production: Production) -> None:
    who = customer_pb2.GetCustomerRequest(identity=identity_pb2.Identity(namespace="customer", id="anna"))
    assert production.answers(who, OPERATIONS.token, GET)
    assert not production.answers(who, WEB.token, GET)
    refusal = production.refusal(question(), bearer(OPERATIONS.token))
    assert (refusal.status, refusal.reason, refusal.domain) == (DENIED, "PERMISSION_DENIED", "nextbest")


def test_what_is_not_served_is_told_only_to_who_may_call_it(production: Production) -> None:
    rpc = "/nextbest.v1.AdminService/GetStatus"
    assert production.refusal(question(), bearer(OPERATIONS.token), rpc).reason == "NOT_SERVED"
    assert production.refusal(question(), bearer(WEB.token), rpc).reason == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (question("card"), ["placements[0].id"]),
        (question("home", "letter"), ["placements[1].id"]),
        (question("letter"), ["placements[0].id"]),
        (question("home", channel="email"), ["channel"]),
        (question("home", channel="telepathy"), ["channel"]),
        (question(explain_level=FULL), ["explain_level"]),
        (question("card", explain_level=FULL), ["placements[0].id", "explain_level"]),
    ],
    ids=lambda _: str(next(_nonces)),
)
def test_a_question_beyond_its_callers_permissions_is_refused(
    production: Production, request_: decision_pb2.DecideRequest, fields: list[str]
) -> None:
    refusal = production.refusal(request_, bearer(WEB.token))
    assert (refusal.status, refusal.reason) == (DENIED, "PERMISSION_DENIED")
    assert refusal.fields == fields


def test_what_is_not_permitted_is_refused_alike_whether_or_not_there_is_such_a_thing(
    production: Production,
) -> None:
    there, not_there = (production.refusal(question(it), bearer(WEB.token)) for it in ("card", "attic"))
    assert there == not_there
    wrong = [question(asked(it, limit=-1), request_id="x" * 99) for it in ("card", "attic")]
    assert production.refusal(wrong[0], bearer(WEB.token)) == production.refusal(wrong[1], bearer(WEB.token))
    refusal = production.refusal(question(asked("home", limit=-1)), bearer(WEB.token))
    assert refusal.reason == "INVALID_REQUEST", "what is wrong with a permitted question is told"


def test_what_a_question_leaves_open_has_to_be_permitted_too(production: Production) -> None:
    assert production.answers(question("card"), APP.token)
    refusal = production.refusal(question("home"), bearer(APP.token))
    assert (refusal.reason, refusal.fields) == ("PERMISSION_DENIED", ["channel"])
    questions = [DecideStreamRequest(request=question("home"))]
    (answer,) = stream(production.channel, iter(questions), APP.token)
    assert answer.error.reason == "PERMISSION_DENIED"


def stream(channel: grpc.Channel, requests: Any, token: str) -> Iterator[DecideStreamResponse]:
    """Ask over one call."""
    call = channel.stream_stream(
        STREAM,
        request_serializer=DecideStreamRequest.SerializeToString,
        response_deserializer=DecideStreamResponse.FromString,
    )
    answers: Iterator[DecideStreamResponse] = call(requests, timeout=60, metadata=bearer(token))
    return answers


def test_a_caller_gets_no_more_than_its_quota_and_others_are_not_held_up(production: Production) -> None:
    assert [production.answers(question(), CAMPAIGNS.token) for _ in range(2)] == [True, True]
    questions = [DecideStreamRequest(correlation_id=it, request=question()) for it in (1, 2)]
    answers = {it.correlation_id: it for it in stream(production.channel, iter(questions), CAMPAIGNS.token)}
    refused = [it.error for it in answers.values() if it.HasField("error")]
    assert [error.reason for error in refused] == ["QUOTA_EXCEEDED"], "one was left"
    assert refused[0].retry_after_ms > 900_000
    refusal = production.refusal(question(), bearer(CAMPAIGNS.token))
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert refusal.retry_after_ms > 900_000
    assert production.answers(question(), WEB.token)


def test_every_question_of_a_stream_is_checked_and_the_stream_goes_on(production: Production) -> None:
    hidden = [DecideStreamRequest(correlation_id=4, request=question("card"))]
    questions = [
        DecideStreamRequest(correlation_id=1, request=question()),
        DecideStreamRequest(correlation_id=2, request=question("card")),
        DecideStreamRequest(correlation_id=3, request=question(), more=hidden),
    ]
    messages = list(stream(production.channel, iter(questions), WEB.token))
    answers = {it.correlation_id: it for message in messages for it in (message, *message.more)}
    refused = {number: it.error.reason for number, it in answers.items() if it.HasField("error")}
    assert refused == {2: "PERMISSION_DENIED", 4: "PERMISSION_DENIED"}
    assert {number for number, it in answers.items() if it.HasField("response")} == {1, 3}
    for token in ("guessed", OPERATIONS.token):
        with pytest.raises(grpc.RpcError) as caught:
            list(stream(production.channel, iter(questions), token))
        assert caught.value.code() in {UNAUTHENTICATED, DENIED}


def test_a_stream_does_not_outlive_what_lets_it_in(production: Production) -> None:
    """A token that expires and permissions that are taken away hold for questions of open streams, too."""

    def conversation(token: str) -> Generator[error_pb2.Error | None, bool, None]:
        turns: list[bool] = [True]

        def questions() -> Iterator[DecideStreamRequest]:
            while True:
                wait_until(lambda: bool(turns), 60)
                if not turns.pop():
                    return
                yield DecideStreamRequest(request=question())

        for answer in stream(production.channel, questions(), token):
            more = yield answer.error if answer.HasField("error") else None
            turns.append(bool(more))

    short = conversation(LOGIN.token(left=3))
    assert next(short) is None
    found = None
    while found is None:
        found = short.send(True)
    assert found.reason == "UNAUTHENTICATED"
    short.close()

    lasting = conversation(WEB.token)
    assert next(lasting) is None
    replaced(production.directory / "callers.yaml", callers(web_placements="[card]"))
    try:
        found = None
        while found is None:
            found = lasting.send(True)
        assert found.reason == "PERMISSION_DENIED"
    finally:
        lasting.close()
        replaced(production.directory / "callers.yaml", callers())
    wait_until(lambda: production.answers(question(), WEB.token), 30)


def test_a_changed_file_counts_within_seconds_and_a_broken_one_changes_nothing(
    production: Production,
) -> None:
    file, rotated = production.directory / "callers.yaml", make_token()
    replaced(file, callers(sha256=rotated.sha256))
    wait_until(lambda: production.answers(question(), rotated.token), 30)
    assert not production.answers(question(), WEB.token)
    refused = len(production.running.events("reload_refused"))
    replaced(file, callers().replace("placements: [home]", "places: [home]"))
    wait_until(lambda: len(production.running.events("reload_refused")) > refused, 30)
    (fault, *_) = production.running.events("reload_refused")[-1]["faults"]
    assert "callers.yaml:" in fault
    assert production.answers(question(), rotated.token)
    replaced(file, callers())
    wait_until(lambda: production.answers(question(), WEB.token), 30)


@pytest.fixture
def operators(production: Production) -> Iterator[Production]:
    """The same service, where operators are answered."""
    address = production.running.wait_for("admin_served")["address"]
    with grpc.secure_channel(address, channel_credentials(AUTHORITY.root)) as channel:
        yield replace(production, channel=channel)


def test_operators_go_by_the_same_gate_on_their_own_address(operators: Production) -> None:
    status, whole = "/nextbest.v1.AdminService/GetStatus", admin_pb2.GetStatusRequest()
    assert operators.answers(whole, OPERATIONS.token, status)
    assert operators.refusal(whole, (), status).reason == "UNAUTHENTICATED"
    assert operators.refusal(whole, bearer(WEB.token), status).reason == "PERMISSION_DENIED"
    assert operators.refusal(question(), (), DECIDE).reason == "UNAUTHENTICATED"
    assert operators.refusal(question(), bearer(WEB.token), DECIDE).reason == "NOT_SERVED"
    kill = admin_pb2.KillActionRequest(action_id="nothing", reason="test")
    assert operators.refusal(kill, bearer(WEB.token), KILL).reason == "PERMISSION_DENIED"


def test_a_killed_action_says_who_killed_it(operators: Production) -> None:
    order = admin_pb2.KillActionRequest(action_id="tasting", reason="recalled")
    raw = operators.outcome(KILL, order, bearer(OPERATIONS.token))
    try:
        assert admin_pb2.KillActionResponse.FromString(raw).action.kill.caller == "operations"
    finally:
        back = admin_pb2.ReviveActionRequest(action_id="tasting")
        assert operators.answers(back, OPERATIONS.token, f"{ADMIN}/ReviveAction")


def test_operators_load_callers_anew_and_see_that_a_broken_file_serves_no_more(operators: Production) -> None:
    def reload() -> admin_pb2.ReloadResponse:
        request = admin_pb2.ReloadRequest(targets=[admin_pb2.RELOAD_TARGET_CALLERS])
        raw = operators.outcome(f"{ADMIN}/Reload", request, bearer(OPERATIONS.token))
        return admin_pb2.ReloadResponse.FromString(raw)

    def sick() -> list[str]:
        raw = operators.outcome(f"{ADMIN}/GetStatus", admin_pb2.GetStatusRequest(), bearer(OPERATIONS.token))
        return [it.name for it in admin_pb2.GetStatusResponse.FromString(raw).parts if not it.healthy]

    file = operators.directory / "callers.yaml"
    assert not reload().swapped, "nothing had changed"
    replaced(file, callers().replace("placements: [home]", "places: [home]"))
    try:
        refused = reload()
        assert not refused.swapped
        assert refused.diagnostics[0].file.endswith("callers.yaml")
        wait_until(lambda: "callers" in sick(), 30)
    finally:
        replaced(file, callers())
    reload()
    wait_until(lambda: "callers" not in sick(), 30)


def test_the_contract_is_not_told_in_production(production: Production) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(production.channel)
    wanted = reflection_pb2.ServerReflectionRequest(list_services="")
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.ServerReflectionInfo(iter([wanted]), timeout=5, metadata=bearer(WEB.token)))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_health_is_told_to_everybody_and_on_a_port_without_tls(production: Production) -> None:
    probed = production.running.wait_for("health_served")["address"]
    with grpc.insecure_channel(probed) as plain:
        for channel in (production.channel, plain):
            stub = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            plain.unary_unary(DECIDE)(question().SerializeToString(), timeout=5, metadata=bearer(WEB.token))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def command(production: Production, *arguments: str, token: bool = True, ca: bool = True) -> Any:
    """Run a command against the service, as a process."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NEXTBEST_")}
    environment |= {"NEXTBEST_CALL_CA": str(production.directory / "ca.pem")} if ca else {}
    environment |= {"NEXTBEST_CALL_TOKEN_FILE": str(production.directory / "token")} if token else {}
    whole = [sys.executable, "-m", "nextbest_service", *arguments, "--address", production.running.address]
    return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_commands_connect_with_tls_and_a_token(production: Production) -> None:
    asked_ = ("decide", "--customer", "anna", "--placement", "home", "--json", "--timeout", "20")
    assert command(production, *asked_).returncode == 0
    without = command(production, *asked_, token=False)
    assert without.returncode == 2
    assert "UNAUTHENTICATED" in without.stdout
    assert command(production, *asked_, ca=False, token=False).returncode == 3


def test_the_health_command_needs_no_token_and_fails_where_nobody_answers(production: Production) -> None:
    told = command(production, "health", "--timeout", "20", token=False)
    assert (told.returncode, told.stdout) == (0, "SERVING\n")
    failed = command(production, "health", "--service", "nobody")
    assert (failed.returncode, "NOT_FOUND" in failed.stderr) == (3, True)


def test_refusals_are_counted_and_logged_once_without_anything_of_the_token(production: Production) -> None:
    for _ in range(3):
        production.refusal(question("letter"), bearer(WEB.token))
        production.refusal(question(), bearer("hunter2-guess"))
    address = production.running.wait_for("metrics_served")["address"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()
    for series in (
        'nextbest_refused_callers_total{why="unknown_token"}',
        'nextbest_refused_callers_total{why="scope_not_permitted"}',
        'nextbest_security_reloads_total{part="callers",result="taken"}',
        "nextbest_certificate_expiry_time_seconds",
    ):
        assert series in metrics
    lines = [(it["why"], it["rpc"], it["caller"]) for it in production.running.events("call_refused")]
    assert len(lines) == len(set(lines))
    assert ("scope_not_permitted", "nextbest.v1.DecisionService.Decide", "web") in lines
    for secret in (WEB.token, OPERATIONS.token, "hunter2", WEB.sha256):
        assert secret not in production.running.log()
        assert secret not in metrics


def test_every_worker_asks_for_the_same_credentials(
    shop_store: redis.Redis, shop_store_url: str, tmp_path: Path
) -> None:
    del shop_store
    certificate, key = AUTHORITY.server().written(tmp_path, "tls")
    replaced(tmp_path / "login.pem", LOGIN.public)
    file = replaced(tmp_path / "callers.yaml", callers())
    arguments = ["serve", "--home", str(tmp_path), "--catalog", str(CORNER_SHOP), "--port", "0"]
    arguments += ["--redis-url", shop_store_url, "--workers", "2", "--watchdog-seconds", "20"]
    arguments += [
        "--tls-cert",
        str(certificate),
        "--tls-key",
        str(key),
        "--callers",
        str(file),
        "--production",
    ]
    arguments += ["--store-timeout-ms", "2000", "--log-format", "json"]
    with spawn(tmp_path, arguments) as running:
        address = running.wait_for("all_workers_ready")["address"]
        assert {line["worker"] for line in running.events("listening") if line["callers"]} == {1, 2}
        for _ in range(8):
            options = [("grpc.use_local_subchannel_pool", 1)]
            with grpc.secure_channel(address, channel_credentials(AUTHORITY.root), options) as channel:
                production = Production(running, tmp_path, channel)
                assert production.answers(question(dry_run=True), WEB.token)
                assert not production.answers(question(dry_run=True), "guessed")
        assert running.stop() == 0, running.log()
    assert "Traceback" not in running.log()


def test_a_broken_file_of_callers_ends_the_start_with_all_its_faults(tmp_path: Path) -> None:
    file = replaced(tmp_path / "callers.yaml", callers())  # whose keys are not there
    arguments = ["serve", "--home", str(tmp_path), "--catalog", str(CORNER_SHOP), "--port", "0"]
    with spawn(tmp_path, [*arguments, "--callers", str(file)]) as running:
        assert running.process.wait(60) == 2
        assert f"{file}:3:" in running.log()
        assert "cannot be read: No such file or directory" in running.log()
        assert "Traceback" not in running.log()
