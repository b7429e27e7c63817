"""S8: a card application is left unsubmitted: an email, then a text message, then an incentive."""

import pytest
from bank_days import Bank, Day, Someone, somebody

STEPS = ["application-email", "application-sms", "application-incentive"]


def applicant(today: Day, ago: str) -> Someone:
    mai = somebody()
    today.agrees(mai, "marketing", "service")
    today.knows(mai, age=30, income=10_000_000, in_default=False, pre_approved=True)
    today.happens(mai, "application.started", ago, subject="gold-card", channel="web")
    return mai


def step(day: Day, mai: Someone) -> str:
    """Let the orchestrator ask for the next step, and take it."""
    return day.sends(mai, "reminder", candidate_action_ids=STEPS)


def test_for_half_an_hour_nothing_is_sent(today: Day) -> None:
    assert not step(today, applicant(today, ago="29m"))


def test_an_email_a_text_message_and_an_incentive_follow_one_another(bank: Bank) -> None:
    mai = applicant(bank.day(0), ago="31m")
    assert step(bank.day(0), mai) == "application-email"
    assert not step(bank.day(0), mai)
    assert not step(bank.day(1), mai)
    assert step(bank.day(3), mai) == "application-sms"
    assert not step(bank.day(4), mai)
    assert step(bank.day(7), mai) == "application-incentive"


def test_whoever_acts_on_the_email_gets_no_text_message(bank: Bank) -> None:
    mai = applicant(bank.day(0), ago="31m")
    (email,) = bank.day(0).offers(mai, "reminder", candidate_action_ids=STEPS)
    bank.day(0).comes(email, "DELIVERED", "OPENED", "CLICKED")
    assert not step(bank.day(3), mai)


@pytest.mark.parametrize(("submitted", "asked"), [(0, 0), (0, 3), (3, 3), (3, 7)])
def test_submitting_ends_the_sequence_at_once(bank: Bank, submitted: int, asked: int) -> None:
    mai = applicant(bank.day(0), ago="31m")
    if submitted:
        assert step(bank.day(0), mai) == "application-email"
    bank.day(submitted).happens(mai, "application.submitted", subject="gold-card")
    assert not step(bank.day(asked), mai)


def test_an_email_on_its_way_is_not_sent_twice(today: Day) -> None:
    mai = applicant(today, ago="31m")
    assert [sent.action_id for sent in today.offers(mai, "reminder", candidate_action_ids=STEPS)] == [
        "application-email"
    ]
    assert not today.offers(mai, "reminder", candidate_action_ids=STEPS)
