"""What faults are tried on, and the table that a whole run prints."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from table_of_faults import ROW, crashed, printed, this_run, written
from verdicts import Verdict

TARGET = os.environ.get("CHAOS_REPORT", "")
KEEP = "CHAOS_KEEP" in os.environ
WHERE = this_run(Path(__file__).parents[3])
_rows: list[dict[str, Any]] = []


@pytest.fixture(scope="session")
def under_fire(repository: Path) -> Path:
    """A catalog in which each kind of rule has an action of its own."""
    return repository / "tests" / "catalogs" / "under_fire"


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Callable[[Verdict], None]:
    """Make a verdict a row of the table, and fail the test where it is not as expected."""

    def tell(verdict: Verdict) -> None:
        record_property(ROW, verdict.as_row())
        assert not verdict.wrong, "\n".join([verdict.seen, *verdict.wrong[:20]])

    return tell


def pytest_configure(config: pytest.Config) -> None:
    """See the reports of all tests, also of those in other directories: hooks of this file alone do not."""
    config.pluginmanager.register(_Table())


class _Table:
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the rows of all tests that have one; a test that failed without a row came to no verdict."""
        rows = [value for name, value in report.user_properties if name == ROW and isinstance(value, dict)]
        if report.when == "call":
            _rows.extend(rows)
        if report.failed and not rows:
            _rows.append(crashed(report.nodeid, report.longreprtext))
        if _rows and TARGET:  # a run that is cut short has told what it had
            written(_rows, Path(TARGET), WHERE, keep=KEEP)

    def pytest_terminal_summary(self) -> None:
        """Print the table where a report was asked for."""
        if _rows and TARGET:
            printed(_rows)
