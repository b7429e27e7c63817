import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import DAY, EVERYTHING, HOUR, NOW, OFFERS, World, customer, held, ids, lifted_at, why

from nextbest_rules import RuleSet, Stage
from nextbest_rules.dates import iso
from nextbest_rules.records import Purchase

OWNED = """
suppression:
  owned:
    - {id: contract_owned, applies_to: {tags: [contract]}, by: product, reason: Has it.}
    - {id: kind_owned, applies_to: {groups: [shop]}, by: category, when_unknown: allow, reason: Has one.}
"""
BOUGHT = """
suppression:
  bought:
    - {id: just_bought, applies_to: {types: [OFFER]}, by: product, for: 14d, reason: Just bought.}
    - {id: kind_bought, applies_to: {actions: [fridge]}, by: category, for: 730d, when_unknown: allow,
       reason: Lasts.}
"""


@pytest.fixture(scope="module")
def owned(world: World) -> RuleSet:
    return world(policies=OWNED)


@pytest.fixture(scope="module")
def bought(world: World) -> RuleSet:
    return world(policies=BOUGHT)


@pytest.mark.parametrize(
    ("purchase", "stopped"),
    [
        (Purchase("gold-card"), {"card"}),
        (Purchase("gold-card", ended_at_ms=NOW), set()),
        (Purchase("gold-card", ended_at_ms=NOW + 1), {"card"}),
        (Purchase("other", "cards"), set()),
        (Purchase("other", "fridges"), {"fridge"}),
        (Purchase("fridge-300"), set()),
        (Purchase("espresso", "machines"), set()),
        (Purchase(""), set()),
    ],
)
def test_what_is_held_is_not_sold_again(owned: RuleSet, purchase: Purchase, stopped: set[str]) -> None:
    """Beans are about an espresso machine, and do not sell it."""
    assert held(owned, customer(purchases=(purchase,))) == stopped


def test_a_holding_ends_when_it_ends(owned: RuleSet) -> None:
    ending = customer(purchases=(Purchase("gold-card", at_ms=NOW - DAY, ended_at_ms=NOW + DAY),))
    assert lifted_at(owned, ending, "card") == NOW + DAY
    found = why(owned, ending, "card")
    assert (found.stage, found.rule_id, found.reason) == (Stage.APPLICABILITY, "contract_owned", "Has it.")
    assert found.actual == f"has product gold-card, bought at {iso(NOW - DAY)}"
    assert found.required == "not held"
    assert why(owned, customer(purchases=(Purchase("gold-card"),)), "card").actual == "has product gold-card"


def test_of_several_holdings_the_one_without_an_end_explains(owned: RuleSet) -> None:
    ending = Purchase("gold-card", at_ms=NOW, ended_at_ms=NOW + DAY)
    lasting = Purchase("gold-card", at_ms=NOW - 9 * DAY)
    for purchases in ((ending, lasting), (lasting, ending)):
        assert lifted_at(owned, customer(purchases=purchases), "card") is None
    longer = ending._replace(ended_at_ms=NOW + 2 * DAY, at_ms=0)
    assert lifted_at(owned, customer(purchases=(ending, longer)), "card") == NOW + 2 * DAY


@pytest.mark.parametrize(
    ("purchase", "stopped"),
    [
        (Purchase("fridge-500", at_ms=NOW - 14 * DAY + 1), {"fridge"}),
        (Purchase("fridge-500", at_ms=NOW - 14 * DAY), set()),
        (Purchase("beans", at_ms=NOW, ended_at_ms=NOW), set()),
        (Purchase("beans", at_ms=NOW, ended_at_ms=NOW + 1), {"beans"}),
        (Purchase("x", "fridges", at_ms=NOW - 730 * DAY + 1), {"fridge"}),
        (Purchase("x", "fridges", at_ms=NOW - 730 * DAY), set()),
        (Purchase("x", "cards", at_ms=NOW), set()),
        (Purchase("espresso", "machines", at_ms=NOW), set()),
        (Purchase("beans"), {"beans"}),
        (Purchase("x", "fridges"), set()),
        (Purchase("beans", ended_at_ms=NOW + 1), {"beans"}),
        (Purchase("beans", ended_at_ms=NOW), set()),
        (Purchase("x", "fridges", ended_at_ms=NOW + 1), set()),
    ],
)
def test_what_was_just_bought_is_not_sold_again(
    bought: RuleSet, purchase: Purchase, stopped: set[str]
) -> None:
    """One that was given back counts no more; of one of unknown time `when_unknown` says whether it does."""
    assert held(bought, customer(purchases=(purchase,))) == stopped


def test_a_purchase_tells_when_its_time_is_up(bought: RuleSet) -> None:
    situation = customer(purchases=(Purchase("beans", at_ms=NOW - DAY),))
    assert lifted_at(bought, situation, "beans") == NOW + 13 * DAY
    found = why(bought, situation, "beans")
    assert found.actual == f"bought product beans at {iso(NOW - DAY)}"
    assert found.required == "bought 14d ago or longer"


def test_a_purchase_that_will_be_given_back_counts_until_then(bought: RuleSet) -> None:
    ending = customer(purchases=(Purchase("beans", at_ms=NOW, ended_at_ms=NOW + DAY),))
    assert lifted_at(bought, ending, "beans") == NOW + DAY
    late = customer(purchases=(Purchase("beans", at_ms=NOW, ended_at_ms=NOW + 99 * DAY),))
    assert lifted_at(bought, late, "beans") == NOW + 14 * DAY


def test_of_several_purchases_the_longest_explains(bought: RuleSet) -> None:
    old, new, undated = Purchase("beans", at_ms=NOW - DAY), Purchase("beans", at_ms=NOW), Purchase("beans")
    for purchases in ((old, new), (new, old)):
        assert lifted_at(bought, customer(purchases=purchases), "beans") == NOW + 14 * DAY
    assert lifted_at(bought, customer(purchases=(old, undated, new)), "beans") is None


def test_purchases_that_cannot_be_read_stop_what_they_could(owned: RuleSet, bought: RuleSet) -> None:
    unreadable = customer(purchases=None)
    assert held(owned, unreadable) == {"card"}
    assert held(bought, unreadable) == OFFERS - {"loan"}
    found = why(owned, unreadable, "card")
    assert (found.rule_id, found.actual) == ("contract_owned", "the purchases cannot be read")
    assert found.eligible_at_ms is None


def test_an_action_that_sells_nothing_is_never_stopped(bought: RuleSet) -> None:
    everything = tuple(Purchase(it, it, at_ms=NOW) for it in ("gold-card", "beans", "", "cards", "fridges"))
    assert ids(bought, customer(purchases=everything)) == EVERYTHING - {"card", "beans", "fridge"}


PURCHASES = st.lists(
    st.builds(
        Purchase,
        product=st.sampled_from(["gold-card", "beans", "fridge-300", "x"]),
        category=st.sampled_from(["", "fridges"]),
        at_ms=st.none() | st.integers(NOW - 15 * DAY, NOW),
        ended_at_ms=st.none() | st.integers(NOW - HOUR, NOW + DAY),
    ),
    max_size=4,
).map(tuple)


@given(PURCHASES)
def test_when_a_sale_makes_sense_again_is_true_to_the_millisecond(
    owned: RuleSet, bought: RuleSet, purchases: tuple[Purchase, ...]
) -> None:
    situation = customer(purchases=purchases)
    for action_id in held(owned, situation):
        lifted_at(owned, situation, action_id)
    for action_id in held(bought, situation) - {"fridge"}:  # two rules stop fridges
        lifted_at(bought, situation, action_id)
