"""S25: the same call is repeated."""

import grpc
import pytest
from bank_days import Bank, Day, somebody
from running_service import read_refusal
from service_calls import fresh


def test_the_same_request_gets_the_same_answer_and_counts_once(bank: Bank, today: Day) -> None:
    minh, question = somebody(), fresh("request")
    today.agrees(minh, "marketing", "service")
    first = today.asks(minh, "sms_message", 1, request_id=question)
    for _ in range(3):
        assert today.asks(minh, "sms_message", 1, request_id=question) == first
    contacts = today.calls.get(minh.first).customer.contacts
    assert [(contact.decision_id, contact.reserved) for contact in contacts] == [(first.decision_id, True)]
    # Another process on the same store knows the answer, too.
    assert bank.day(1).asks(minh, "sms_message", 1, request_id=question) == first


def test_an_answer_given_again_carries_tokens_that_count_once(today: Day) -> None:
    minh, question = somebody(), fresh("request")
    today.agrees(minh, "marketing", "service")
    tokens = {today.offers(minh, "sms_message", 1, request_id=question)[0].token for _ in range(3)}
    assert len(tokens) == 1


def test_the_same_request_id_with_another_body_is_refused(today: Day) -> None:
    minh, question = somebody(), fresh("request")
    today.asks(minh, "web_hero", 1, request_id=question)
    with pytest.raises(grpc.RpcError) as caught:
        today.asks(minh, "web_hero", 2, request_id=question)
    refusal = read_refusal(caught.value)
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REUSED_REQUEST_ID")


def test_a_dry_run_counts_nothing_and_gives_no_token(today: Day) -> None:
    minh = somebody()
    today.agrees(minh, "marketing", "service")
    before = today.calls.get(minh.first).customer
    answer = today.asks(minh, "sms_message", 1, dry_run=True)
    assert [proposition.token for proposition in answer.placements[0].propositions] == [""]
    after = today.calls.get(minh.first).customer
    assert not after.contacts
    assert after.updated_at_unix_ms == before.updated_at_unix_ms
