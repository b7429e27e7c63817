"""What a catalog computes per customer: values, parameters, channels, times."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import FILES, NOW, World, customer, reached

from nextbest_rules import Formula, ParameterError, RuleSet
from nextbest_rules.catalog import Treatment
from nextbest_rules.records import Purchase

VALUES = """
- {id: fixed, type: OFFER, issue: i, group: g, title: T, value: 7}
- {id: share, type: OFFER, issue: i, group: g, title: T, value: facts.income * 0.5}
- {id: count, type: OFFER, issue: i, group: g, title: T, value: "size(purchases) * 3"}
- {id: ratio, type: OFFER, issue: i, group: g, title: T, value: 1.0 / facts.income}
"""


@pytest.fixture(scope="module")
def valued(world: World) -> RuleSet:
    return world(actions=VALUES)


def values(rules: RuleSet, live: int = -1, **parts: object) -> dict[str, float | None]:
    view = rules.look(customer(**parts))
    return {rules.catalog.actions[bit].id: value for bit, value in rules.formulas.values(live, view)}


def test_values_are_computed_for_the_customer(valued: RuleSet) -> None:
    assert valued.formulas.computed == 0b1110
    bought = (Purchase("a"), Purchase("b"))
    assert values(valued, facts={"income": 8.0}, purchases=bought) == {
        "share": 4.0,
        "count": 6.0,
        "ratio": 0.125,
    }
    assert all(type(value) is float for value in values(valued, facts={"income": 8.0}).values())


def test_only_live_actions_are_computed(valued: RuleSet) -> None:
    assert values(valued, 0b0101, facts={"income": 8.0}) == {"count": 0.0}


@pytest.mark.parametrize("income", [None, float("inf"), float("nan"), -0.001, "much"])
def test_a_value_that_is_no_amount_is_none(valued: RuleSet, income: object) -> None:
    assert values(valued, facts={"income": income})["share"] is None


def test_a_value_of_nothing_is_a_value(valued: RuleSet) -> None:
    assert values(valued, facts={"income": 0.0}) == {"share": 0.0, "count": 0.0, "ratio": None}
    assert values(valued, facts={"income": 0.0}, purchases=None)["count"] is None


TREATED = """
- id: card
  type: OFFER
  issue: i
  group: g
  title: T
  value: 1
  treatments:
    - id: t
      parameters:
        limit: 2 * facts.age
        rate: facts.income / 4.0
        name: '"Dear " + facts.city'
        regular: facts.vip
        due: facts.since + duration("24h")
        tags: facts.interests.filter(it, it != "x")
        plain: 5
"""
COMPLETE = {
    "age": 21,
    "income": 2.0,
    "city": "Huế",
    "vip": False,
    "since": "2026-01-01T00:00:00Z",
    "interests": ["a", "x", "b"],
}


@pytest.fixture(scope="module")
def treated(world: World) -> RuleSet:
    return world(actions=TREATED)


def treatment(rules: RuleSet) -> Treatment:
    return rules.catalog.actions[0].treatments[0]


def test_parameters_are_computed_with_their_types(treated: RuleSet) -> None:
    found = treated.formulas.parameters(treatment(treated), treated.look(customer(facts=COMPLETE)))
    assert found == {
        "limit": 42,
        "rate": 0.5,
        "name": "Dear Huế",
        "regular": False,
        "due": datetime(2026, 1, 2, tzinfo=UTC),
        "tags": ["a", "b"],
        "plain": 5,
    }
    assert [type(value) for value in found.values()] == [int, float, str, bool, datetime, list, int]


@pytest.mark.parametrize(
    ("missing", "value"),
    [("age", None), ("age", 2**62), ("income", float("inf")), ("city", None), ("since", None), ("vip", None)],
)
def test_a_parameter_without_a_value_is_an_error_that_names_it(
    treated: RuleSet, missing: str, value: object
) -> None:
    names = {"age": "limit", "income": "rate", "city": "name", "since": "due", "vip": "regular"}
    view = treated.look(customer(facts=COMPLETE | {missing: value}))
    with pytest.raises(ParameterError, match=f"parameter '{names[missing]}' has no value") as raised:
        treated.formulas.parameters(treatment(treated), view)
    assert raised.value.name == names[missing]


PLACEMENTS = """
placements:
  - {id: home, title: Home, channel: web, direction: INBOUND, default_limit: 1}
  - id: next
    title: Next
    channels: {email: facts.income, sms: "1.0", app: facts.income * 2.0, web: "1.0"}
    direction: OUTBOUND
    default_limit: 1
    best_hour: facts.age
    time_zone: facts.zone
  - {id: plain, title: Plain, channel: email, direction: OUTBOUND, default_limit: 1, best_hour: "9"}
"""


@pytest.fixture(scope="module")
def placed(world: World) -> RuleSet:
    return world(placements=PLACEMENTS, actions=FILES["actions/all"])


@pytest.mark.parametrize(
    ("income", "channels"),
    [
        (0.7, ("app", "sms", "web", "email")),
        (0.1, ("sms", "web", "app", "email")),
        (1.0, ("app", "email", "sms", "web")),
        (0.0, ("sms", "web")),
        (-0.0, ("sms", "web")),
        (-1.0, ("sms", "web")),
        (None, ("sms", "web")),
        (float("inf"), ("sms", "web")),
    ],
)
def test_channels_come_by_weight_and_without_one_not_at_all(
    placed: RuleSet, income: float | None, channels: tuple[str, ...]
) -> None:
    """Equal weights keep the order of the declaration: email, sms, app, web."""
    view = placed.look(reached(facts={"income": income}))
    assert placed.formulas.channels(placed.catalog.placements["next"], view) == channels


def test_a_placement_with_one_channel_has_that_one(placed: RuleSet) -> None:
    assert placed.formulas.channels(placed.catalog.placements["home"], placed.look(customer())) == ("web",)


def send_at(rules: RuleSet, now: str, hour: object, zone: object = "Europe/Berlin") -> str | None:
    now_ms = round(datetime.fromisoformat(now).timestamp() * 1000)
    view = rules.look(reached(now_ms=now_ms, facts={"age": hour, "zone": zone}))
    found = rules.formulas.send_at_ms(rules.catalog.placements["next"], view)
    return None if found is None else datetime.fromtimestamp(found / 1000, UTC).isoformat()


@pytest.mark.parametrize(
    ("now", "hour", "sent"),
    [
        ("2026-03-09T10:20:30+01:00", 11, "2026-03-09T10:00:00+00:00"),
        ("2026-03-09T10:20:30+01:00", 10, "2026-03-09T09:20:30+00:00"),
        ("2026-03-09T10:00:00+01:00", 10, "2026-03-09T09:00:00+00:00"),
        ("2026-03-09T10:59:59+01:00", 9, "2026-03-10T08:00:00+00:00"),
        ("2026-03-09T10:59:59+01:00", 0, "2026-03-09T23:00:00+00:00"),
        ("2026-03-09T00:10:00+01:00", 23, "2026-03-09T22:00:00+00:00"),
        # The clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
        ("2026-03-28T22:00:00+01:00", 9, "2026-03-29T07:00:00+00:00"),
        ("2026-03-28T22:00:00+01:00", 2, "2026-03-29T01:00:00+00:00"),
        ("2026-10-24T22:00:00+02:00", 9, "2026-10-25T08:00:00+00:00"),
        ("2026-10-24T22:00:00+02:00", 2, "2026-10-25T00:00:00+00:00"),
        ("2026-10-25T02:30:00+01:00", 2, "2026-10-25T01:30:00+00:00"),
    ],
)
def test_the_best_hour_is_the_customers_next_one(placed: RuleSet, now: str, hour: int, sent: str) -> None:
    assert send_at(placed, now, hour) == sent


@pytest.mark.parametrize(
    ("hour", "zone"), [(None, "Europe/Berlin"), (24, "UTC"), (-1, "UTC"), (9, None), (9, "Nowhere"), (9, "")]
)
def test_without_an_hour_or_a_zone_there_is_no_best_time(placed: RuleSet, hour: object, zone: object) -> None:
    assert send_at(placed, "2026-03-09T10:00:00+00:00", hour, zone) is None


def test_without_a_declared_zone_the_hour_is_utc(placed: RuleSet) -> None:
    view, placements = placed.look(reached()), placed.catalog.placements
    assert placed.formulas.send_at_ms(placements["plain"], view) == NOW + 23 * 3_600_000
    assert placed.formulas.send_at_ms(placements["home"], view) is None


@given(st.integers(0, 23), st.integers(0, 366 * 24 * 60))
def test_the_best_time_is_within_a_day_and_in_that_hour(placed: RuleSet, hour: int, minutes: int) -> None:
    now_ms = NOW + minutes * 60_000
    view = placed.look(reached(now_ms=now_ms, facts={"age": hour, "zone": "Asia/Kathmandu"}))
    found = placed.formulas.send_at_ms(placed.catalog.placements["next"], view)
    assert found is not None
    assert now_ms <= found < now_ms + 24 * 3_600_000
    local = datetime.fromtimestamp(found / 1000 + (5 * 60 + 45) * 60, UTC)
    assert local.hour == hour
    assert found == now_ms or (local.minute, local.second) == (0, 0)


def test_equal_formulas_are_one(treated: RuleSet) -> None:
    assert treatment(treated).parameters["limit"] == Formula("2 * facts.age")
