"""What metrics tell beside calls and decisions: what comes in, what is left out, how the process is."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
from corner_shop import ANNA, NOW_MS, asked, question
from running_service import Client, wait_until
from scraping import grown, series, values

from nextbest.v1 import action_pb2, customer_pb2, customer_pb2_grpc, error_pb2, event_pb2, identity_pb2
from nextbest.v1.decision_pb2 import DecideStreamRequest
from nextbest_rules import Stage
from nextbest_service.metrics.items import FATES, KINDS
from nextbest_service.metrics.samples import SHORTEST_PAUSE_NS

STREAM = "/nextbest.v1.DecisionService/DecideStream"


def event(id_: str, days_ago: float, **fields: object) -> event_pb2.Event:
    """Return an event of Anna's."""
    return event_pb2.Event(
        **{
            "id": id_,
            "source": "shop",
            "type": "order.placed",
            "time_unix_ms": int(NOW_MS - days_ago * 86_400_000),
            "identities": [identity_pb2.Identity(namespace=ANNA.namespace, id=ANNA.id)],
            **fields,
        }
    )


def test_items_are_counted_by_what_became_of_them(address: str, caller: Client) -> None:
    events = [event("e1", 3), event("e1", 3), event("e2", 0.01), event("", 1)]
    before = values(address)
    answer = customer_pb2_grpc.CustomerServiceStub(caller.channel).TrackEvents(
        customer_pb2.TrackEventsRequest(events=events), timeout=10
    )
    told = Counter(error_pb2.ItemStatus.Name(result.status) for result in answer.results)
    after = values(address)
    fates = {("event", name.removeprefix("ITEM_STATUS_").lower()): count for name, count in told.items()}
    assert grown(before, after, "items_total") == fates
    assert {fate for _, fate in fates} >= {"applied", "rejected"}
    sound = len(events) - told["ITEM_STATUS_REJECTED"]
    assert grown(before, after, "event_age_seconds_count") == {(): sound}
    young = grown(before, after, "event_age_seconds_bucket")
    assert young["21600",] == 1  # only one is younger than six hours
    assert young["604800",] == sound


def test_fates_stand_at_the_numbers_of_the_contract() -> None:
    numbers = error_pb2.ItemStatus.DESCRIPTOR.values
    names = [value.name.removeprefix("ITEM_STATUS_").lower() for value in numbers]
    assert list(FATES) == names
    assert list(KINDS) == sorted(KINDS)


@pytest.mark.parametrize("placement", ["card", "home", "letter"])
def test_sampled_exclusions_are_those_that_an_answer_explains(
    address: str, caller: Client, placement: str
) -> None:
    time.sleep(SHORTEST_PAUSE_NS / 1e9)  # so that this one is looked at
    before = values(address)
    request = question(asked(placement), explain_level="EXPLAIN_LEVEL_EXCLUSIONS", dry_run=True)
    answer = caller.decide(request)
    after = values(address)
    assert grown(before, after, "sampled_decisions_total") == {(): 1}
    stages = Counter[str]()
    for (_, stage), count in grown(before, after, "sampled_exclusions_total").items():
        stages[stage] += int(count)
    explained = Counter(
        action_pb2.Stage.Name(it.stage).removeprefix("STAGE_").lower() for it in answer.exclusions
    )
    assert stages == explained
    assert set(stages) <= {stage.value for stage in Stage}
    empty = grown(before, after, "sampled_empty_decisions_total")
    assert bool(empty) == (not answer.placements[0].propositions)


def test_rules_are_named_as_answers_name_them(address: str, caller: Client) -> None:
    time.sleep(SHORTEST_PAUSE_NS / 1e9)
    before = values(address)
    answer = caller.decide(question(explain_level="EXPLAIN_LEVEL_EXCLUSIONS", dry_run=True))
    named = grown(before, values(address), "sampled_exclusions_total")
    explained = Counter(
        (it.rule_id, action_pb2.Stage.Name(it.stage).removeprefix("STAGE_").lower())
        for it in answer.exclusions
        if it.stage not in (action_pb2.STAGE_PLACEMENT, action_pb2.STAGE_ARBITRATION)
    )
    assert explained
    assert {key: named[key] for key in explained} == explained


def test_decisions_in_a_rush_are_not_all_looked_at(address: str, caller: Client) -> None:
    time.sleep(SHORTEST_PAUSE_NS / 1e9)  # so that the first one is
    before, began = values(address), time.monotonic()
    for _ in range(60):
        caller.decide(question(dry_run=True))
    spent = time.monotonic() - began
    looked = grown(before, values(address), "sampled_decisions_total")[()]
    assert 1 <= looked <= 2 + spent * 1e9 / SHORTEST_PAUSE_NS


def test_open_streams_and_questions_under_way_are_told(address: str, caller: Client) -> None:
    streams = series("open_streams", rpc="DecisionService/DecideStream")
    assert values(address)[streams] == 0
    call = caller.channel.stream_stream(
        STREAM, request_serializer=DecideStreamRequest.SerializeToString, response_deserializer=bytes
    )
    ended = False

    def questions() -> Iterator[DecideStreamRequest]:
        yield DecideStreamRequest(correlation_id=1, request=question(dry_run=True))
        wait_until(lambda: ended)

    answers = call(questions(), timeout=60)
    next(answers)
    assert values(address)[streams] == 1
    assert values(address)[series("requests_under_way", rpc="DecisionService/DecideStream")] == 0
    ended = True
    assert list(answers) == []
    wait_until(lambda: values(address)[streams] == 0, 10)


def test_round_trips_and_the_lag_of_the_loop_are_measured(address: str, caller: Client) -> None:
    before = values(address)
    for _ in range(20):
        caller.decide(question(dry_run=True))
    wait_until(lambda: grown(before, values(address), "loop_lag_seconds_count").get((), 0) >= 2, 10)
    after = values(address)
    assert 1 <= grown(before, after, "store_round_trip_seconds_count")[()] <= 25
    read = grown(before, after, "decision_step_duration_seconds_sum")["read",]
    assert 0 < grown(before, after, "store_round_trip_seconds_sum")[()] <= read


def test_the_age_of_the_model_and_the_room_of_the_log_are_told(address: str) -> None:
    found = values(address)
    assert found[series("model_trained_time_seconds")] == 1_709_251_200  # the first of March 2024
    assert found[series("decision_log_room_records")] == 10_000
    assert found["process_resident_memory_bytes", ()] > 10e6
    assert 0 < found["process_open_fds", ()] < found["process_max_fds", ()]
