"""S14: a customer passes from "multi-purchase" to "ambassador", by orders alone."""

from bank_days import Bank, Day, Someone, somebody

LAPTOP = ("laptop", "laptops", 18_000_000.0)
BEANS = ("house-blend", "coffee", 500_000.0)


def regular(today: Day, orders: int) -> Someone:
    """Return somebody with so many orders, the last of them a day ago."""
    ngoc = somebody()
    today.agrees(ngoc, "marketing", "service")
    for number in range(orders):
        today.buys(ngoc, LAPTOP if number == 0 else BEANS, ago=f"{orders - number}d")
    return ngoc


def segments(today: Day, who: Someone) -> list[str]:
    return [*today.calls.get(who.first).customer.segments]


def test_orders_lead_from_one_segment_to_the_next(today: Day) -> None:
    ngoc = regular(today, 0)
    stages = []
    for _ in range(5):
        today.buys(ngoc, LAPTOP)
        stages += segments(today, ngoc)
    assert stages == ["newcomer", "multi_purchase", "multi_purchase", "multi_purchase", "ambassador"]


def test_the_order_that_makes_an_ambassador_makes_the_voucher_best_by_text_message(today: Day) -> None:
    ngoc = regular(today, 4)
    assert "ambassador-voucher" not in today.would_offer(ngoc, "sms_message")
    today.buys(ngoc, LAPTOP)
    assert today.would_offer(ngoc, "sms_message")[0] == "ambassador-voucher"
    assert "ambassador-voucher" not in today.would_offer(ngoc, "email_block")


def test_it_comes_once_per_passage(bank: Bank) -> None:
    today, ngoc = bank.day(0), regular(bank.day(0), 5)
    today.buys(ngoc, LAPTOP)
    assert today.sends(ngoc, "sms_message") == "ambassador-voucher"
    today.buys(ngoc, LAPTOP)  # an ambassador already
    for day in (today, bank.day(7)):
        assert "ambassador-voucher" not in day.would_offer(ngoc, "sms_message")


def test_a_voucher_on_its_way_is_not_sent_a_second_time(today: Day) -> None:
    ngoc = regular(today, 4)
    today.buys(ngoc, LAPTOP)
    (voucher,) = today.offers(ngoc, "sms_message", 1)
    assert voucher.action_id == "ambassador-voucher"
    assert "ambassador-voucher" not in today.would_offer(ngoc, "sms_message")
    today.comes(voucher, "FAILED")
    assert today.would_offer(ngoc, "sms_message")[0] == "ambassador-voucher"


def test_an_order_that_is_told_late_counts_as_if_it_had_been_told_in_time(today: Day) -> None:
    ngoc = regular(today, 4)
    today.buys(ngoc, LAPTOP, ago="10d")
    assert segments(today, ngoc) == ["ambassador"]
