"""A shop whose files change, for each test."""

from pathlib import Path

import pytest
from changing_shop import ChangingShop, changing_shop


@pytest.fixture
def shop_on_disk(tmp_path: Path) -> ChangingShop:
    """A catalog and a home of one's own."""
    return changing_shop(tmp_path)
