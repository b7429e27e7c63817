"""Hours in which nobody is disturbed, by the customer's own clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from worlds import EVERYTHING, HOUR, MINUTE, NOW, World, customer, held, ids, lifted_at, reached, why

from nextbest_rules import RuleSet, Situation, Stage
from nextbest_rules.policies import QuietHours, Selector
from nextbest_rules.stages.quiet_hours import quiet_until, zone
from nextbest_rules.terms import Direction, UnknownMode

BERLIN = ZoneInfo("Europe/Berlin")


def quiet(text: str) -> str:
    return f"contact_policy: {{quiet_hours: [{{id: night, reason: Asleep., {text}}}]}}"


def at(text: str, **parts: object) -> Situation:
    """Return a contact that reaches the customer at a time, in UTC unless an offset is given."""
    return reached("sms", now_ms=ms(text), **parts)


def ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


@pytest.fixture(scope="module")
def rules(world: World) -> RuleSet:
    text = 'from: "21:00", until: "08:00", time_zone: facts.zone, channels: [sms, app]'
    return world(policies=quiet(text))


HANOI = {"zone": "Asia/Ho_Chi_Minh"}


@pytest.mark.parametrize(
    ("time", "stopped"),
    [
        ("2026-03-09T20:59:59.999+07:00", False),
        ("2026-03-09T21:00:00+07:00", True),
        ("2026-03-10T00:00:00+07:00", True),
        ("2026-03-10T07:59:59.999+07:00", True),
        ("2026-03-10T08:00:00+07:00", False),
    ],
)
def test_the_night_goes_over_midnight_on_the_customers_clock(
    rules: RuleSet, time: str, stopped: bool
) -> None:
    assert held(rules, at(time, facts=HANOI)) == (EVERYTHING if stopped else set())


def test_a_disturbance_says_when_the_night_is_over(rules: RuleSet) -> None:
    night = at("2026-03-09T23:30:00+07:00", facts=HANOI)
    assert lifted_at(rules, night, "tip") == ms("2026-03-10T08:00:00+07:00")
    found = why(rules, night, "tip")
    assert (found.stage, found.rule_id, found.reason) == (Stage.CONTACT_POLICY, "night", "Asleep.")
    assert (found.actual, found.required) == ("23:30 in Asia/Ho_Chi_Minh", "outside 21:00 to 08:00")
    early = at("2026-03-10T03:00:00+07:00", facts=HANOI)
    assert lifted_at(rules, early, "tip") == ms("2026-03-10T08:00:00+07:00")


def test_only_some_channels_disturb_and_only_if_we_reach_out(rules: RuleSet) -> None:
    midnight = ms("2026-03-10T00:00:00+07:00")
    assert held(rules, reached("app", now_ms=midnight, facts=HANOI)) == EVERYTHING
    assert held(rules, reached("email", now_ms=midnight, facts=HANOI)) == set()
    assert held(rules, customer(channel="sms", now_ms=midnight, facts=HANOI)) == set()


def test_what_counts_is_when_the_message_arrives(rules: RuleSet) -> None:
    day, night = ms("2026-03-09T12:00:00+07:00"), ms("2026-03-09T22:00:00+07:00")
    later = reached("sms", now_ms=day, contact_at_ms=night, facts=HANOI)
    assert held(rules, later) == EVERYTHING
    assert lifted_at(rules, later, "tip") == ms("2026-03-10T08:00:00+07:00")
    assert held(rules, reached("sms", now_ms=night, contact_at_ms=day, facts=HANOI)) == set()


@pytest.mark.parametrize(
    "facts", [{}, {"zone": "Mars/Olympus"}, {"zone": ""}, {"zone": "../etc/passwd"}, None]
)
def test_an_unknown_zone_is_quiet_unless_the_rule_says_otherwise(
    world: World, rules: RuleSet, facts: dict[str, object] | None
) -> None:
    noon = at("2026-03-09T12:00:00", facts=facts)
    assert held(rules, noon) == EVERYTHING
    assert why(rules, noon, "tip").actual == "the customer's time zone is unknown"
    assert why(rules, noon, "tip").eligible_at_ms is None
    lenient = world(
        policies=quiet('from: "21:00", until: "08:00", time_zone: facts.zone, when_unknown: allow')
    )
    assert ids(lenient, noon) == EVERYTHING


def test_a_default_zone_stands_in_for_a_missing_one_only(world: World) -> None:
    text = 'from: "21:00", until: "08:00", time_zone: facts.zone, default_zone: Asia/Ho_Chi_Minh'
    rules, evening = world(policies=quiet(text)), "2026-03-09T16:00:00"
    assert held(rules, at(evening)) == EVERYTHING
    assert held(rules, at(evening, facts=None)) == EVERYTHING
    assert held(rules, at(evening, facts={"zone": "Europe/Berlin"})) == set()
    assert why(rules, at(evening, facts={"zone": "?"}), "tip").actual == "the customer's time zone is unknown"
    fixed = world(policies=quiet('from: "21:00", until: "08:00", default_zone: Asia/Ho_Chi_Minh'))
    assert held(fixed, at(evening, facts={"zone": "Europe/Berlin"})) == EVERYTHING


def test_days_say_when_a_quiet_time_begins(world: World) -> None:
    text = 'from: "22:00", until: "06:00", days: [fri, sat], default_zone: UTC'
    rules = world(policies=quiet(text))
    heard = {
        "2026-03-12T23:00:00": True,  # Thursday
        "2026-03-13T05:00:00": True,
        "2026-03-13T22:00:00": False,  # Friday
        "2026-03-14T05:59:59": False,
        "2026-03-14T06:00:00": True,
        "2026-03-14T23:00:00": False,  # Saturday
        "2026-03-15T05:00:00": False,
        "2026-03-15T22:00:00": True,  # Sunday
    }
    assert {time: not held(rules, at(time)) for time in heard} == heard


@pytest.mark.parametrize(("start", "end"), [("00:00", "24:00"), ("09:00", "08:59")])
def test_a_whole_day_may_be_quiet(world: World, start: str, end: str) -> None:
    rules = world(policies=quiet(f'from: "{start}", until: "{end}", days: [sun], default_zone: UTC'))
    assert held(rules, at("2026-03-15T12:00:00")) == EVERYTHING
    assert held(rules, at("2026-03-14T12:00:00")) == set()
    if start == "00:00":
        assert lifted_at(rules, at("2026-03-15T00:00:00"), "tip") == ms("2026-03-16T00:00:00")
        assert held(rules, at("2026-03-14T23:59:59")) == set()


def test_a_time_without_end_is_never_over(world: World) -> None:
    rules = world(policies=quiet('from: "00:00", until: "24:00", default_zone: UTC'))
    for hour in (0, 7, 23):
        found = why(rules, at(f"2026-03-15T{hour:02d}:00:00"), "tip")
        assert found.eligible_at_ms is None


def test_times_that_touch_are_one(world: World) -> None:
    text = 'from: "00:00", until: "24:00", days: [sat, sun], default_zone: UTC'
    rules = world(policies=quiet(text))
    assert lifted_at(rules, at("2026-03-14T12:00:00"), "tip") == ms("2026-03-16T00:00:00")


CHANGES = {
    # The clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
    "over the change": ("22:00", "08:00", "2026-03-28T23:00:00+01:00", "2026-03-29T08:00:00+02:00"),
    "an end that is left out": ("22:00", "02:30", "2026-03-28T23:00:00+01:00", "2026-03-29T03:00:00+02:00"),
    "an end that comes twice": ("22:00", "02:30", "2026-10-24T23:00:00+02:00", "2026-10-25T02:30:00+02:00"),
    "the end's second coming": ("22:00", "02:30", "2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+01:00"),
    "back to before the start": ("02:30", "08:00", "2026-10-25T02:45:00+02:00", "2026-10-25T02:00:00+01:00"),
    "a start that comes twice": ("02:30", "08:00", "2026-10-25T02:45:00+01:00", "2026-10-25T08:00:00+01:00"),
    "an end at the change": ("22:00", "03:00", "2026-10-24T23:00:00+02:00", "2026-10-25T03:00:00+01:00"),
    "back over the change": ("22:00", "08:00", "2026-10-24T23:00:00+02:00", "2026-10-25T08:00:00+01:00"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_clocks_may_change_in_a_quiet_time(world: World, change: tuple[str, str, str, str]) -> None:
    start, end, now, over = change
    rules = world(policies=quiet(f'from: "{start}", until: "{end}", default_zone: Europe/Berlin'))
    assert held(rules, at(now)) == EVERYTHING
    assert lifted_at(rules, at(now), "tip") == ms(over)


def rule_of(start: int, end: int, days: frozenset[int]) -> QuietHours:
    directions = frozenset({Direction.OUTBOUND})
    return QuietHours(
        "q", Selector(), None, directions, start, end % 1440, days, None, "UTC", "R.", UnknownMode.DENY
    )


def is_quiet(rule: QuietHours, local: datetime) -> bool:
    """Tell whether a clock shows a quiet time: every minute of a week, looked up."""
    length = (rule.until_minute - rule.from_minute) % 1440 or 1440
    quiet_minutes = {
        ((day - 1) * 1440 + rule.from_minute + minute) % 10_080
        for day in rule.days
        for minute in range(length)
    }
    return (local.isoweekday() - 1) * 1440 + local.hour * 60 + local.minute in quiet_minutes


@given(
    start=st.sampled_from([0, 90, 120, 150, 180, 540, 1320]),
    end=st.sampled_from([0, 60, 120, 150, 180, 480, 1440]),
    days=st.frozensets(st.integers(1, 7), min_size=1),
    name=st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"]),
    around=st.sampled_from(["2026-03-29T01:00:00", "2026-10-25T01:00:00", "2026-03-08T05:30:00"]),
    offset=st.integers(-40 * 60, 40 * 60),
)
@example(0, 1440, frozenset({7}), "Europe/Berlin", "2026-10-25T01:00:00", 0)
def test_the_end_of_a_quiet_time_is_the_first_minute_that_is_not_quiet(
    start: int, end: int, days: frozenset[int], name: str, around: str, offset: int
) -> None:
    rule, local_zone = rule_of(start, end, days), ZoneInfo(name)
    moment = datetime.fromisoformat(around).replace(tzinfo=UTC) + timedelta(minutes=offset)
    quiet_minutes = {
        ((day - 1) * 1440 + rule.from_minute + minute) % 10_080
        for day in rule.days
        for minute in range((rule.until_minute - rule.from_minute) % 1440 or 1440)
    }
    expected = None
    for minutes in range(9 * 1440):
        local = (moment + timedelta(minutes=minutes)).astimezone(local_zone)
        if (local.isoweekday() - 1) * 1440 + local.hour * 60 + local.minute not in quiet_minutes:
            expected = moment + timedelta(minutes=minutes)
            break
    found = quiet_until(rule, moment.astimezone(local_zone))
    assert (None if found is None else found.astimezone(UTC)) == expected


def test_a_zone_has_the_name_of_the_iana() -> None:
    assert zone("Europe/Berlin") == BERLIN
    assert [zone(name) for name in ("", "Europe", "Nowhere", "/etc/localtime", "a\0b")] == [None] * 5


def test_quiet_hours_are_about_the_selected_actions(world: World) -> None:
    text = 'applies_to: {but_not: {tags: [essential]}}, from: "00:00", until: "24:00", default_zone: UTC'
    assert held(world(policies=quiet(text)), reached("sms")) == EVERYTHING - {"status"}


def test_seconds_do_not_end_a_quiet_minute(world: World) -> None:
    rules = world(policies=quiet('from: "09:00", until: "10:01", default_zone: UTC'))
    situation = reached("sms", now_ms=NOW + 59_999)
    assert held(rules, situation) == EVERYTHING
    assert lifted_at(rules, situation, "tip") == NOW + MINUTE
    assert held(rules, reached("sms", now_ms=NOW + HOUR)) == set()
