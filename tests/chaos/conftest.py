"""What faults are tried on: a catalog whose numbers must come out exactly."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def three_each(repository: Path) -> Path:
    """A catalog with three offers, each shown three times a week at most, and a note without a cap."""
    return repository / "tests" / "catalogs" / "three_each"
