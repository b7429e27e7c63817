"""S19: three departments push messages for a week."""

from bank_days import Bank, Day, Someone, somebody

DEPARTMENTS = [
    ("email_block", "heron-bank"),
    ("sms_message", "heron-home"),
    ("push_message", "heron-travel"),
    ("email_block", "heron-coffee"),
    ("sms_message", "heron-life"),
    ("email_block", "heron-home"),
    ("push_message", "heron-bank"),
]


def reachable(today: Day) -> Someone:
    hung = somebody()
    today.agrees(hung, "marketing", "service")
    return hung


def test_over_all_brands_and_channels_four_messages_a_week_are_enough(bank: Bank) -> None:
    hung = reachable(bank.day(0))
    sent = [
        bank.day(day).sends(hung, placement, brand=brand)
        for day in (0, 1, 3, 4)
        for placement, brand in DEPARTMENTS
    ]
    assert len([action for action in sent if action]) == 4
    for placement, brand in DEPARTMENTS:
        assert bank.day(4).would_offer(hung, placement, brand=brand) == []
    assert bank.day(4).would_offer(hung, "web_hero")
    assert any(bank.day(7).would_offer(hung, placement, brand=brand) for placement, brand in DEPARTMENTS)


def test_messages_on_their_way_count_and_those_that_failed_do_not(today: Day) -> None:
    hung = reachable(today)
    for placement, brand in DEPARTMENTS:
        today.offers(hung, placement, 1, brand=brand)
    assert all(today.would_offer(hung, placement, brand=brand) == [] for placement, brand in DEPARTMENTS)

    minh = reachable(today)
    for placement, brand in DEPARTMENTS:
        for proposition in today.offers(minh, placement, 1, brand=brand):
            today.comes(proposition, "FAILED")
    assert all(today.would_offer(minh, placement, brand=brand) for placement, brand in DEPARTMENTS)


def test_a_warning_goes_out_however_much_was_said(today: Day) -> None:
    hung = reachable(today)
    for placement, brand in DEPARTMENTS:
        today.sends(hung, placement, brand=brand)
    today.knows(hung, fraud_suspected=True)
    assert today.would_offer(hung, "sms_message") == ["fraud-alert"]
