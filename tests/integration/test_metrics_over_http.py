"""Metrics as Prometheus reads them: they tell what callers did, and nothing about customers."""

import signal
import socket
import time
from collections import Counter
from pathlib import Path

import grpc
import pytest
from corner_shop import ANNA, STRANGER, asked, open_for_business, question
from free_ports import three_free_ports
from running_service import CANARY, CORNER_SHOP, Client, Service, spawn, wait_until
from scraping import grown, series, text, values

from nextbest.v1 import admin_pb2, customer_pb2, decision_pb2, identity_pb2
from nextbest.v1.decision_pb2 import DecideStreamRequest, DecideStreamResponse
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey
from nextbest_service.store.keys import Identity

STEPS = {"read", "screen", "score", "arbitrate", "explain", "reserve", "render"}


def test_requests_are_counted_by_the_status_that_the_client_got(address: str, caller: Client) -> None:
    before = values(address)
    requests = [
        *[question()] * 5,
        *[question("attic")] * 3,
        *[decision_pb2.DecideRequest()] * 2,
        b"\xff\xff",
    ]
    statuses = Counter(
        getattr(outcome, "status", grpc.StatusCode.OK) for outcome in map(caller.outcome, requests)
    )
    wait_until(lambda: sum(grown(before, values(address), "requests_total").values()) >= len(requests))
    after = values(address)
    assert grown(before, after, "requests_total") == {
        ("DecisionService/Decide", status.name): count for status, count in statuses.items()
    }
    assert set(statuses) == {grpc.StatusCode[it] for it in ("OK", "NOT_FOUND", "INVALID_ARGUMENT")}
    assert grown(before, after, "request_duration_seconds_count") == {("DecisionService/Decide",): 11}


def test_other_rpcs_are_counted_by_their_own_names(address: str, caller: Client) -> None:
    before = values(address)
    channel = caller.channel
    identity = identity_pb2.Identity(namespace=ANNA.namespace, id=ANNA.id)
    get = channel.unary_unary("/nextbest.v1.CustomerService/GetCustomer")
    get(customer_pb2.GetCustomerRequest(identity=identity).SerializeToString(), timeout=10)
    list(
        channel.unary_stream("/nextbest.v1.CustomerService/ExportCustomer")(
            b"\xff", timeout=10
        ).initial_metadata()
    )
    names = [rpc.name for rpc in admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods]
    for rpc in (f"/nextbest.v1.AdminService/{names[0]}", "/nextbest.v1.CustomerService/StreamEvents"):
        with pytest.raises(grpc.RpcError):
            channel.stream_unary(rpc)(iter([b"\xff"]), timeout=10)
    wait_until(lambda: len(grown(before, values(address), "requests_total")) == 4)
    assert grown(before, values(address), "requests_total") == {
        ("CustomerService/GetCustomer", "OK"): 1,
        ("CustomerService/ExportCustomer", "INVALID_ARGUMENT"): 1,
        ("CustomerService/StreamEvents", "INVALID_ARGUMENT"): 1,
        (f"AdminService/{names[0]}", "UNIMPLEMENTED"): 1,
    }


def test_a_stream_is_counted_by_its_questions(address: str, caller: Client) -> None:
    before = values(address)
    questions = [
        DecideStreamRequest(correlation_id=number, request=question("attic" if number % 3 == 0 else "home"))
        for number in range(10)
    ]
    call = caller.channel.stream_stream(
        "/nextbest.v1.DecisionService/DecideStream",
        request_serializer=DecideStreamRequest.SerializeToString,
        response_deserializer=DecideStreamResponse.FromString,
    )
    assert len(list(call(iter(questions), timeout=30))) == 10
    after = values(address)
    assert grown(before, after, "requests_total") == {
        ("DecisionService/DecideStream", "OK"): 6,
        ("DecisionService/DecideStream", "NOT_FOUND"): 4,
    }
    assert sum(grown(before, after, "decisions_total").values()) == 6


def test_decisions_are_counted_by_what_they_are(address: str, caller: Client) -> None:
    before = values(address)
    answers = [
        caller.decide(it)
        for it in (
            *[question()] * 2,
            *[question(of=STRANGER, dry_run=True)] * 3,
            *[question(request_id="told-twice")] * 2,
        )
    ]
    after = values(address)
    known = sum(answer.customer_known for answer in answers[:-1])
    counted = grown(before, after, "decisions_total")
    assert {labels[0]: counted[labels] for labels in counted} == {"known": known, "unknown": 6 - known}
    assert grown(before, after, "repeated_answers_total") == {(): 1}
    stale = sum(bool(answer.stale_features) for answer in answers[:-1])
    assert sum(grown(before, after, "stale_decisions_total").values()) == stale
    steps = grown(before, after, "decision_step_duration_seconds_count")
    assert steps == {(step,): 6 for step in STEPS}


def test_histograms_are_cumulative_and_their_sums_are_what_was_spent(address: str, caller: Client) -> None:
    before, started = values(address), time.perf_counter()
    told_us = sum(caller.decide(question()).timing.total_us for _ in range(20))
    spent = time.perf_counter() - started
    after = values(address)
    calls = grown(before, after, "request_duration_seconds_sum")["DecisionService/Decide",]
    assert 0.9 * told_us / 1e6 < calls < spent
    steps = grown(before, after, "decision_step_duration_seconds_sum")
    assert 0.3 * told_us / 1e6 < sum(steps.values()) < calls
    for name, count in {"request_duration_seconds": 1, "decision_step_duration_seconds": len(STEPS)}.items():
        buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        for (full, labels), value in after.items():
            if full == f"nextbest_{name}_bucket" and ("rpc", "DecisionService/DecideStream") not in labels:
                rest = tuple(it for it in labels if it[0] != "le")
                buckets.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        assert len(buckets) >= count
        for labels, found in buckets.items():
            counts = [value for _, value in sorted(found)]
            assert counts == sorted(counts)
            assert counts[-1] == after[f"nextbest_{name}_count", labels] > 0


def test_metrics_name_the_versions_that_answers_have(address: str, caller: Client) -> None:
    versions = caller.decide(question()).versions
    told = next(dict(labels) for name, labels in values(address) if name == "nextbest_generation_info")
    assert told.pop("scorer") == "exact"
    assert told == {
        "catalog": "corner_shop",
        "catalog_version": versions.catalog,
        "ruleset_version": versions.ruleset,
        "model_version": versions.model,
        "feature_spec_version": versions.feature_spec,
    }
    assert abs(values(address)[series("start_time_seconds")] - time.time()) < 600
    assert values(address)[series("decision_log_lost_records_total")] == 0


def test_nothing_about_customers_is_in_metrics(address: str, caller: Client) -> None:
    caller.decide(question(of=Identity("customer", CANARY), request_id=CANARY))
    caller.outcome(question(CANARY, of=Identity(CANARY, CANARY)))
    caller.outcome(question(asked("home", limit=9999), context={}))
    found = text(address)
    assert CANARY not in found
    assert f'"{ANNA.id}"' not in found


def test_without_the_option_nothing_is_served(shop: Service) -> None:
    assert not shop.events("metrics_served")


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        arguments = ["serve", "--home", str(tmp_path), "--catalog", str(CORNER_SHOP), "--port", "0"]
        arguments += ["--redis-url", "redis://127.0.0.1:1", "--metrics-port", port]
        with spawn(tmp_path, arguments) as running:
            assert running.process.wait(60) == 3
            assert f"cannot serve metrics on 127.0.0.1:{port}" in running.log()
            assert "Traceback" not in running.log()


def test_each_worker_serves_its_own_metrics_also_through_a_rolling_restart(tmp_path: Path) -> None:
    base = three_free_ports()
    addresses = [f"127.0.0.1:{base + number}" for number in (1, 2)]
    with embedded_valkey(tmp_path / "store") as url:
        with connect_for_bulk(url) as store:
            open_for_business(store)
        arguments = ["serve", "--home", str(tmp_path), "--catalog", str(CORNER_SHOP), "--port", "0"]
        arguments += ["--log-format", "json", "--workers", "2", "--redis-url", url]
        arguments += ["--watchdog-seconds", "20", "--store-timeout-ms", "2000", "--metrics-port", str(base)]
        with spawn(tmp_path, arguments) as running:
            running.address = running.wait_for("all_workers_ready")["address"]
            told = {line["worker"]: line["address"] for line in running.events("metrics_served")}
            assert told == dict(enumerate(addresses, start=1))
            for number in range(8):
                options = [("grpc.use_local_subchannel_pool", 1)]
                with grpc.insecure_channel(running.address, options=options) as channel:
                    ask = channel.unary_unary("/nextbest.v1.DecisionService/Decide")
                    ask(question(dry_run=True).SerializeToString(), timeout=20 + number)
            ok = series("requests_total", rpc="DecisionService/Decide", status="OK")
            found = [values(address) for address in addresses]
            assert sum(it.get(ok, 0) for it in found) == 8
            degraded = series("degraded_decisions_total", reason="MODEL_UNAVAILABLE")
            assert sum(it[degraded] for it in found) == 8
            running.process.send_signal(signal.SIGHUP)
            running.wait_for("rolling_restart_done")
            assert all(values(address).get(ok, 0) == 0 for address in addresses)
            assert running.stop() == 0, running.log()
    assert "Traceback" not in running.log()
