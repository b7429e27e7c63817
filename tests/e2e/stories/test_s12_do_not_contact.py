"""S12: a prospect declined on day 1, asked not to be contacted on day 3, and all departments ask on day 4."""

from bank_days import Bank, somebody

OUTBOUND = ["email_block", "sms_message", "push_message", "call_list", "next_contact", "reminder"]
BRANDS = ["heron-bank", "heron-home", "heron-travel", "heron-life"]


def test_nobody_reaches_out_any_more_and_who_calls_is_served(bank: Bank) -> None:
    khoa = somebody()
    day_1, day_3, day_4 = bank.day(0), bank.day(3), bank.day(4)
    day_1.agrees(khoa, "marketing", "service")
    (beans,) = day_1.offers(khoa, "email_block", candidate_action_ids=["coffee-beans"])
    day_1.comes(beans, "DELIVERED", "REJECTED")
    assert day_3.would_offer(khoa, "email_block")

    day_3.happens(khoa, "wishes.stated", do_not_contact=True, channel="call_centre")
    for brand in BRANDS:
        for placement in OUTBOUND:
            assert day_4.would_offer(khoa, placement, brand=brand) == [], (brand, placement)
    served = day_4.would_offer(khoa, "agent_desktop")
    assert "branch-appointment" in served
    assert "kettle" in served
    assert day_4.why_not(khoa, "agent_desktop", "coffee-beans").rule_id == "offer_declined"
