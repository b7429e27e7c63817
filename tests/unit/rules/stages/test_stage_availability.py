import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import DAY, HOUR, NOW, World, customer, held, ids, lifted_at, why

from nextbest_rules import ActionType, RuleSet, Stage
from nextbest_rules.catalog import Action, Window
from nextbest_rules.dates import iso
from nextbest_rules.records import Kill
from nextbest_rules.validity import ValidityTimeline

ACTION = """
- id: {id}
  type: OFFER
  issue: retention
  group: shop
  title: An offer
  value: 1
"""
PLAIN = ACTION.format(id="plain")


def offer(valid: str, **more: str) -> str:
    extra = "".join(f"  {key}: {value}\n" for key, value in more.items())
    return PLAIN + ACTION.format(id="dated") + f"  valid: {valid}\n" + extra


@pytest.fixture(scope="module")
def two_days(world: World) -> RuleSet:
    """Valid on March 9 and, in a window of its own, on March 11; there is nothing between."""
    return world(
        actions=offer("[{from: 2026-03-11, until: 2026-03-11}, {from: 2026-03-09, until: 2026-03-09}]")
    )


MIDNIGHT = NOW - 10 * HOUR


@pytest.mark.parametrize(
    ("from_start", "valid"),
    [
        (-1, False),
        (0, True),
        (DAY - 1, True),
        (DAY, False),
        (2 * DAY - 1, False),
        (2 * DAY, True),
        (3 * DAY - 1, True),
        (3 * DAY, False),
    ],
)
def test_each_window_includes_its_first_and_excludes_its_last_instant(
    two_days: RuleSet, from_start: int, valid: bool
) -> None:
    situation = customer(now_ms=MIDNIGHT + from_start)
    assert ids(two_days, situation) == ({"plain", "dated"} if valid else {"plain"})
    assert held(two_days, situation) == (set() if valid else {"dated"})


def test_before_and_between_windows_the_next_one_is_named(two_days: RuleSet) -> None:
    assert lifted_at(two_days, customer(now_ms=MIDNIGHT - DAY), "dated") == MIDNIGHT
    between = customer(now_ms=MIDNIGHT + DAY + HOUR)
    assert lifted_at(two_days, between, "dated") == MIDNIGHT + 2 * DAY
    found = why(two_days, between, "dated")
    assert (found.stage, found.rule_id) == (Stage.VALIDITY, "not_yet_valid")
    assert (found.actual, found.required) == ("2026-03-10T01:00:00Z", "from 2026-03-11T00:00:00Z")


def test_after_the_last_window_nothing_comes(two_days: RuleSet) -> None:
    found = why(two_days, customer(now_ms=MIDNIGHT + 9 * DAY), "dated")
    assert (found.rule_id, found.required) == ("expired", "before 2026-03-12T00:00:00Z")
    assert found.eligible_at_ms is None


def test_windows_that_touch_leave_no_gap(world: World) -> None:
    rules = world(actions=offer("[{from: 2026-03-09, until: 2026-03-09}, {from: 2026-03-10}]"))
    for moment in (MIDNIGHT, MIDNIGHT + DAY - 1, MIDNIGHT + DAY, MIDNIGHT + 900 * DAY):
        assert "dated" in ids(rules, customer(now_ms=moment))
    assert lifted_at(rules, customer(now_ms=MIDNIGHT - 1), "dated") == MIDNIGHT


def action(*windows: Window) -> Action:
    return Action("a", ActionType.OFFER, "i", "g", "t", 1.0, 1.0, None, windows, None, {}, {}, None)


WINDOWS = st.lists(st.integers(0, 40), unique=True, max_size=8).map(sorted)


@given(st.lists(st.tuples(WINDOWS, st.booleans(), st.booleans()), max_size=4), st.integers(-1, 41))
def test_a_timeline_is_what_each_window_says(
    described: list[tuple[list[int], bool, bool]], now_ms: int
) -> None:
    """The bounds are instants in pairs; the first window may have no start, the last no end."""
    actions = []
    for bounds, since_ever, for_ever in described:
        edges: list[int | None] = [None, *bounds] if since_ever else [*bounds]
        if len(edges) % 2:
            edges = [*edges, None] if for_ever else edges[:-1]
        pairs = zip(edges[::2], edges[1::2], strict=True)
        actions.append(action(*(Window(start, end) for start, end in pairs)))
    expected = sum(
        1 << bit
        for bit, item in enumerate(actions)
        if not item.valid or any(window.holds(now_ms) for window in item.valid)
    )
    assert ValidityTimeline.over(actions).mask_at(now_ms) == expected


BRANDS = """
name: world
title: Two brands
channels: [web]
brands: [{id: bank, title: Bank}, {id: shop, title: Shop}]
default_brand: bank
"""
BRANDED = PLAIN + ACTION.format(id="branded") + "  brands: [shop]\n"


@pytest.mark.parametrize(
    ("brand", "live"),
    [("bank", {"plain"}), ("shop", {"plain", "branded"}), ("", {"plain"}), ("other", set())],
)
def test_an_action_of_a_brand_is_for_that_brand_only(world: World, brand: str, live: set[str]) -> None:
    placements = "placements: [{id: home, title: Home, channel: web, direction: INBOUND, default_limit: 1}]"
    rules = world(catalog=BRANDS, actions=BRANDED, placements=placements)
    assert ids(rules, customer(brand=brand)) == live
    assert held(rules, customer(brand=brand)) == {"plain", "branded"} - live
    if brand == "bank":
        found = why(rules, customer(brand=brand), "branded")
        assert (found.stage, found.rule_id) == (Stage.VALIDITY, "brand")
        assert (found.actual, found.required) == ("brand = bank", "shop")
        assert found.eligible_at_ms is None


def test_a_kill_stops_one_action_until_it_is_revived(world: World) -> None:
    rules = world(actions=PLAIN + ACTION.format(id="other"))
    killed = customer(killed={"other": Kill("wrong price", NOW - HOUR), "no-such-action": Kill("?", 0)})
    assert ids(rules, killed) == {"plain"}
    assert ids(rules, killed._replace(now_ms=NOW + 900 * DAY)) == {"plain"}
    found = why(rules, killed, "other")
    assert (found.stage, found.rule_id) == (Stage.VALIDITY, "killed")
    assert found.reason == "An operator stopped the action: wrong price"
    assert (found.actual, found.required) == (f"killed since {iso(NOW - HOUR)}", "")
    assert found.eligible_at_ms is None


def test_a_kill_with_an_end_ends_by_itself(world: World) -> None:
    rules = world(actions=PLAIN)
    killed = customer(killed={"plain": Kill("sold out", NOW, NOW + DAY)})
    assert lifted_at(rules, killed, "plain") == NOW + DAY
    assert why(rules, killed, "plain").required == f"from {iso(NOW + DAY)}"


def test_dates_are_named_before_the_brand_and_the_brand_before_a_kill(world: World) -> None:
    placements = "placements: [{id: home, title: Home, channel: web, direction: INBOUND, default_limit: 1}]"
    text = offer("{from: 2026-03-09}", brands="[shop]")
    rules = world(catalog=BRANDS, actions=text, placements=placements)
    killed = {"dated": Kill("stop", NOW)}
    found = [
        why(rules, situation, "dated").rule_id
        for situation in (
            customer(now_ms=MIDNIGHT - 1, brand="bank", killed=killed),
            customer(brand="bank", killed=killed),
            customer(brand="shop", killed=killed),
        )
    ]
    assert found == ["not_yet_valid", "brand", "killed"]
