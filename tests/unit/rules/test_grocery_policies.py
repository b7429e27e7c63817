import shutil
from pathlib import Path

import pytest
from shop_situations import live_ids

from nextbest_rules import RuleSet, Situation, load_catalog
from nextbest_rules.loading.sources import FILES

GROCERY = Path(__file__).parents[3] / "rules" / "catalogs" / "grocery"
ALL_COUPONS = "all-coupons"
NOV_13 = 1_510_563_600_000
OFFER = """
- id: {id}
  type: OFFER
  issue: retention
  group: {group}
  title: Coupon
  value: 1.0
  attributes: {{campaign: "{campaign}", campaign_type: {kind}, products: 3, duration_days: 30}}
"""
OFFERS = (
    ("tailored", "YOGURT", "18", "A"),
    ("for_all", "CHEESE", "19", "B"),
    ("food", "BABY FOODS", "19", "B"),
    ("care", "BABY HBC", "19", "B"),
    ("formula", "INFANT FORMULA", "19", "B"),
    ("diapers", "DIAPERS & DISPOSABLES", "19", "B"),
    ("laxative", "LAXATIVES", "19", "B"),
    ("pads", "ADULT INCONTINENCE", "19", "B"),
)
BABY = {"food", "care", "formula", "diapers"}
DISCREET = {"laxative", "pads"}
EVERYTHING = {offer[0] for offer in OFFERS}


@pytest.fixture(scope="module")
def grocery(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    """Return the shipped policies over a handful of offers."""
    directory = tmp_path_factory.mktemp("grocery")
    for file in (*FILES, "events.yaml"):
        shutil.copy(GROCERY / file, directory)
    (directory / "actions").mkdir()
    offers = (OFFER.format(id=i, group=group, campaign=c, kind=kind) for i, group, c, kind in OFFERS)
    shutil.copy(GROCERY / "actions" / "store.yaml", directory / "actions")
    (directory / "actions" / "offers.yaml").write_text("".join(offers))
    return RuleSet.compile(load_catalog(directory))


def offered(grocery: RuleSet, situation: Situation) -> set[str]:
    """Return the live offers; the page that has all of them is there for everybody."""
    live = live_ids(grocery, situation)
    assert ALL_COUPONS in live
    return live - {ALL_COUPONS}


def household(channel: str = "web", **facts: object) -> Situation:
    return Situation(NOV_13, known=True, channel=channel, facts={"campaigns": ["18", "19"], **facts})


def test_a_household_gets_the_offers_of_its_campaigns_only(grocery: RuleSet) -> None:
    assert offered(grocery, household()) == EVERYTHING
    assert offered(grocery, household(campaigns=["18"])) == {"tailored"}
    assert offered(grocery, household(campaigns=[])) == set()


def test_an_unknown_visitor_gets_what_was_sent_to_everybody(grocery: RuleSet) -> None:
    assert offered(grocery, Situation(NOV_13, channel="web")) == EVERYTHING - {"tailored"}


@pytest.mark.parametrize(
    ("age", "kids", "hidden"),
    [
        ("65+", "0", BABY),
        ("55-64", "0", BABY),
        ("45-54", "0", set()),
        ("65+", "1", set()),
        ("65+", None, set()),
        (None, "0", set()),
    ],
)
def test_baby_products_are_hidden_from_older_households_without_kids(
    grocery: RuleSet, age: str | None, kids: str | None, hidden: set[str]
) -> None:
    assert offered(grocery, household(age=age, kids_count=kids)) == EVERYTHING - hidden


def test_delicate_products_stay_out_of_emails(grocery: RuleSet) -> None:
    assert offered(grocery, household(channel="email")) == EVERYTHING - DISCREET
    assert offered(grocery, household(channel="app")) == EVERYTHING
