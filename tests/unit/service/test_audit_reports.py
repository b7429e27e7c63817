"""A package that nobody could look up is not a sound one."""

from pathlib import Path
from typing import Any

import pytest

from supply_chain.audited import NOT_AUDITED, SOUND, VULNERABLE, judged, main

FOUND = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
OWN = {"name": "nextbest", "skip_reason": "not found"}


def package(name: str, *vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(vulnerabilities)}


@pytest.mark.parametrize(
    ("packages", "code"),
    [
        ([package("a"), package("b"), OWN], SOUND),
        ([package("a"), package("b", FOUND), OWN], VULNERABLE),
        ([package("a"), {"name": "b", "skip_reason": "not found"}, OWN], NOT_AUDITED),
        ([package("a", FOUND), {"name": "b", "skip_reason": "not found"}], VULNERABLE),
        ([OWN], NOT_AUDITED),
        ([], NOT_AUDITED),
    ],
)
def test_a_report_is_judged_by_what_was_looked_up(packages: list[dict[str, Any]], code: int) -> None:
    assert judged({"dependencies": packages}).exit_code == code


def test_what_is_known_is_told_with_what_mends_it() -> None:
    assert judged({"dependencies": [package("b", FOUND)]}).lines == ("b 1.0: PYSEC-1, mended in 2.0",)


def test_without_a_report_nothing_was_audited(tmp_path: Path) -> None:
    assert main(tmp_path / "none.json") == NOT_AUDITED
    (tmp_path / "half.json").write_text("{")
    assert main(tmp_path / "half.json") == NOT_AUDITED
