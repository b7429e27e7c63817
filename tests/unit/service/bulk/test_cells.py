"""Cells: what text stands for, and what is refused without being repeated."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from nextbest_rules import ValueType
from nextbest_service.bulk.cells import CellError, flag_of, keys_of, number_of, text_of, time_reader, typed

MOMENT_MS = 1_772_323_200_000  # 2026-03-01T00:00:00Z
UTC_TIME = time_reader("ms", UTC)
LOCAL = datetime.fromisoformat("2026-03-01T01:00")


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-01T00:00:00Z",
        "2026-03-01",
        "2026-03-01 01:00+01:00",
        str(MOMENT_MS),
        f"{MOMENT_MS}.0",
        MOMENT_MS,
        float(MOMENT_MS),
        datetime(2026, 3, 1, tzinfo=UTC),
        date(2026, 3, 1),
    ],
)
def test_a_time_is_iso_or_a_number(cell: object) -> None:
    assert UTC_TIME(cell) == MOMENT_MS


@pytest.mark.parametrize(("unit", "number"), [("s", MOMENT_MS / 1000), ("us", MOMENT_MS * 1000)])
def test_numbers_have_the_unit_of_the_file(unit: str, number: float) -> None:
    assert time_reader(unit, UTC)(number) == time_reader(unit, UTC)(str(number)) == MOMENT_MS


def test_text_without_offset_is_local_time_in_the_zone_of_the_file() -> None:
    prague = time_reader("ms", ZoneInfo("Europe/Prague"))
    assert prague("2026-03-01T01:00") == prague(LOCAL) == MOMENT_MS
    assert prague("2026-07-01T02:00") == UTC_TIME("2026-07-01T00:00")


def test_digits_are_a_number_though_iso_would_take_them_for_a_date() -> None:
    assert UTC_TIME("1012010120000") == 1_012_010_120_000


@pytest.mark.parametrize("cell", ["yesterday", "2026-02-30", "1e99", float("nan"), True, [], "9" * 40])
def test_what_is_no_time_is_refused(cell: object) -> None:
    with pytest.raises(CellError) as caught:
        UTC_TIME(cell)
    assert str(cell) not in str(caught.value)


@pytest.mark.parametrize(("cell", "text"), [("a", "a"), (7, "7"), (7.0, "7")])
def test_an_id_may_be_a_whole_number(cell: object, text: str) -> None:
    assert text_of(cell) == text


@pytest.mark.parametrize("cell", [7.5, True, [], b"a", float("inf")])
def test_what_is_no_id_is_refused(cell: object) -> None:
    with pytest.raises(CellError, match="expected text"):
        text_of(cell)


@pytest.mark.parametrize("cell", ["x", "nan", "inf", float("-inf"), True, [], "1" * 400])
def test_what_is_no_finite_number_is_refused(cell: object) -> None:
    with pytest.raises(CellError, match="number"):
        number_of(cell)


@pytest.mark.parametrize(
    ("cell", "flag"), [("Yes", True), ("0", False), (" true ", True), (False, False), (1, True)]
)
def test_flags_have_many_spellings(cell: object, flag: bool) -> None:
    assert flag_of(cell) is flag


@pytest.mark.parametrize("cell", ["a|b", '["a", "b"]', ["a", "b"], "a | b"])
def test_keys_are_a_list_or_have_bars_between_them(cell: object) -> None:
    assert keys_of(cell) == ("a", "b")


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        ("7", ValueType.INT, 7),
        ("7.5", ValueType.DOUBLE, 7.5),
        (Decimal("7.5"), ValueType.DOUBLE, 7.5),
        (7, ValueType.DOUBLE, 7.0),
        ("no", ValueType.BOOL, False),
        ("x", ValueType.STRING, "x"),
        (["x"], ValueType.STRINGS, ["x"]),
        ("2026-03-01T00:00:00Z", ValueType.TIMESTAMP, datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_cell_becomes_a_value_of_the_declared_type(cell: object, kind: ValueType, value: object) -> None:
    assert typed(cell, kind) == value


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("7.5", ValueType.INT),
        (7, ValueType.STRING),
        ("x", ValueType.BOOL),
        ("x", ValueType.STRINGS),
        ({}, ValueType.INT),
    ],
)
def test_a_value_of_another_type_is_refused(cell: object, kind: ValueType) -> None:
    with pytest.raises(CellError):
        typed(cell, kind)
