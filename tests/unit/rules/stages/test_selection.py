import pytest
from worlds import EVERYTHING, World

from nextbest_rules import RuleSet
from nextbest_rules.policies import Selector
from nextbest_rules.records import Contact
from nextbest_rules.selection import mask_of, selects, selects_contact


@pytest.fixture(scope="module")
def rules(world: World) -> RuleSet:
    return world()


def some(*names: str) -> frozenset[str]:
    return frozenset(names)


SHOP = Selector(groups=some("shop"))
CASES = [
    (Selector(), EVERYTHING),
    (Selector(types=some("SERVICE", "INFORMATION")), {"status", "tip"}),
    (Selector(issues=some("cross_sell")), {"card", "fridge"}),
    (SHOP, {"fridge", "beans"}),
    (Selector(tags=some("contract", "essential")), {"card", "status"}),
    (Selector(actions=some("loan", "no-such-action")), {"loan"}),
    (Selector(attributes={"line": frozenset({"money"})}), {"card", "loan"}),
    (Selector(attributes={"line": frozenset({"money"}), "min_age": frozenset({21, 30})}), {"loan"}),
    (Selector(attributes={"fresh": frozenset({True})}), {"fridge"}),
    (Selector(attributes={"price": frozenset({0.0})}), {"loan"}),
    (Selector(types=some("OFFER"), issues=some("cross_sell"), groups=some("shop")), {"fridge"}),
    (Selector(actions=some("loan", "card"), tags=some("contract")), {"card"}),
    (Selector(but_not=SHOP), EVERYTHING - {"fridge", "beans"}),
    (Selector(types=some("OFFER"), but_not=Selector(groups=some("shop"), issues=some("retention"))),
     {"card", "loan", "fridge"}),
    (Selector(but_not=Selector()), set()),
    (Selector(actions=some()), set()),
]  # fmt: skip


@pytest.mark.parametrize(("selector", "selected"), CASES)
def test_an_action_must_match_every_part_and_not_be_spared(
    rules: RuleSet, selector: Selector, selected: set[str]
) -> None:
    actions = rules.catalog.actions
    assert {action.id for action in actions if selects(selector, action)} == selected
    mask = mask_of(selector, rules.catalog)
    assert {action.id for bit, action in enumerate(actions) if mask >> bit & 1} == selected


GONE = Contact("gone", "DELIVERED", 0, type="OFFER", issue="old", group="shop")
FAINT = Contact("gone", "DELIVERED", 0)


@pytest.mark.parametrize(
    ("selector", "counts", "counts_faint"),
    [
        (Selector(), True, True),
        (Selector(types=some("OFFER")), True, True),
        (Selector(types=some("SERVICE")), False, True),
        (Selector(issues=some("retention")), False, True),
        (SHOP, True, True),
        (Selector(actions=some("gone")), True, True),
        (Selector(actions=some("loan")), False, False),
        (Selector(tags=some("credit")), True, True),
        (Selector(types=some("OFFER"), attributes={"line": frozenset({"x"})}), True, True),
        (Selector(types=some("SERVICE"), tags=some("credit")), False, True),
        (Selector(but_not=SHOP), False, True),
        (Selector(but_not=Selector(groups=some("tips"))), True, True),
        (Selector(but_not=Selector(issues=some("old"))), False, True),
        (Selector(but_not=Selector(types=some("OFFER"))), False, True),
        (Selector(but_not=Selector(actions=some("gone"))), False, False),
        (Selector(but_not=Selector(groups=some("shop"), tags=some("essential"))), True, True),
        (Selector(but_not=Selector(attributes={"line": frozenset({"x"})})), True, True),
        (Selector(but_not=Selector()), False, False),
    ],
)
def test_a_contact_of_a_lost_action_counts_unless_it_surely_does_not(
    selector: Selector, counts: bool, counts_faint: bool
) -> None:
    """Its tags and attributes are forgotten, and an import may not even have known its group."""
    assert selects_contact(selector, GONE) is counts
    assert selects_contact(selector, FAINT) is counts_faint
