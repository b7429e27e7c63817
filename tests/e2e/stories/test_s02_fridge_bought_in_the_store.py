"""S2: a fridge was bought in the store an hour ago, and the web asks."""

from bank_days import Day, somebody


def test_the_web_sells_no_second_fridge_but_what_goes_with_it(today: Day) -> None:
    minh = somebody()
    assert "fridge-500" in today.would_offer(minh, "web_hero")
    today.buys(minh, ("fridge-300", "fridges", 9_000_000.0), ago="1h", channel="store")
    offered = today.would_offer(minh, "web_hero")
    assert {"fridge-300", "fridge-500"}.isdisjoint(offered)
    assert {"water-filter", "fridge-care", "washing-machine"} <= {*offered}
    assert today.why_not(minh, "web_hero", "fridge-300").rule_id == "just_bought"
    assert today.why_not(minh, "web_hero", "fridge-500").rule_id == "durable_bought"


def test_a_fridge_that_went_back_is_no_fridge(today: Day) -> None:
    minh = somebody()
    fridge = ("fridge-300", "fridges", 9_000_000.0)
    today.buys(minh, fridge, ago="3d", channel="store")
    today.gives_back(minh, fridge, ago="1d")
    offered = today.would_offer(minh, "web_hero")
    assert "water-filter" not in offered
    assert "fridge-500" in offered
