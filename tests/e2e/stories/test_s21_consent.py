"""S21: yes to service messages, no to marketing, push never asked."""

from bank_days import Day, Someone, somebody


def customer(today: Day) -> Someone:
    vy = somebody()
    today.agrees(vy, "service", channel="email")
    today.refuses(vy, "marketing", channel="email", ago="60d")
    today.knows(vy, fraud_suspected=True)
    return vy


def test_only_what_was_agreed_to_goes_out(today: Day) -> None:
    vy = customer(today)
    assert today.may_say(vy, "next_contact", "app-activation")
    assert not today.may_say(vy, "next_contact", "kettle")
    assert today.would_offer(vy, "email_block") == []
    assert today.would_offer(vy, "push_message") == ["fraud-alert"]
    assert "kettle" in today.would_offer(vy, "web_hero")


def test_what_is_said_now_counts_on_the_next_call(today: Day) -> None:
    vy = customer(today)
    today.agrees(vy, "marketing", channel="email", ago="1m")
    assert today.may_say(vy, "email_block", "kettle")
    today.refuses(vy, "marketing", channel="email")
    assert today.would_offer(vy, "email_block") == []
    assert today.why_not(vy, "email_block", "kettle").rule_id == "marketing_consent"


def test_an_older_word_that_comes_late_changes_nothing(today: Day) -> None:
    vy = customer(today)
    today.agrees(vy, "marketing", channel="email", ago="70d")
    assert today.would_offer(vy, "email_block") == []


def test_whoever_unsubscribes_is_not_written_to_again_on_that_channel(today: Day) -> None:
    vy = somebody()
    today.agrees(vy, "marketing", "service")
    today.comes(today.offers(vy, "email_block", 1)[0], "DELIVERED", "UNSUBSCRIBED")
    assert today.would_offer(vy, "email_block") == []
    by_text_message = today.would_offer(vy, "sms_message")
    assert "app-activation" in by_text_message
    assert "kettle" not in by_text_message  # no offers for a while, wherever
