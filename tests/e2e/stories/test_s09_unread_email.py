"""S9: new terms by email, and by text message only where the email stays unread."""

import pytest
from bank_days import Bank, Day, Someone, somebody

STEPS = ["terms-email", "terms-sms"]


def reader(today: Day) -> Someone:
    tuan = somebody()
    today.agrees(tuan, "service")
    today.knows(tuan, terms_notice_due=True)
    return tuan


@pytest.mark.parametrize(("came_of_it", "on_day_four"), [((), "terms-sms"), (("OPENED",), "")])
def test_the_text_message_follows_an_email_that_nobody_read(
    bank: Bank, came_of_it: tuple[str, ...], on_day_four: str
) -> None:
    tuan = reader(bank.day(0))
    (email,) = bank.day(0).offers(tuan, "reminder", candidate_action_ids=STEPS)
    assert (email.action_id, email.channel) == ("terms-email", "email")
    bank.day(0).comes(email, "DELIVERED")
    assert not bank.day(1).sends(tuan, "reminder", candidate_action_ids=STEPS)
    bank.day(1).comes(email, *came_of_it) if came_of_it else None
    assert bank.day(4).sends(tuan, "reminder", candidate_action_ids=STEPS) == on_day_four
