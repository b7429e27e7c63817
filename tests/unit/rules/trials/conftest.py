"""Suites for the corner shop, written by tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nextbest_rules import Catalog, CatalogError
from nextbest_rules.trials import Suite, Trial, read_suites

HEAD = "suite: The shop\nnow: 2024-03-15T10:00:00Z\n"


@pytest.fixture
def suite_of(shop: Catalog, tmp_path: Path) -> Callable[[str], Suite]:
    """Return a function that reads one suite of the corner shop; its text goes on after title and clock."""

    def read(text: str, head: str = HEAD) -> Suite:
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "tests" / "shop.yaml").write_text(head + text)
        [suite] = read_suites(tmp_path, shop)
        return suite

    return read


@pytest.fixture
def trial_of(suite_of: Callable[[str], Suite]) -> Callable[..., Trial]:
    """Return a function that reads one test of the home page, with these lines of its own."""

    def read(own: str, before: str = "") -> Trial:
        lines = "".join(f"    {line}\n" for line in own.splitlines())
        suite = suite_of(f"{before}request: {{placement: home}}\ntests:\n  - name: it holds\n{lines}")
        return suite.trials[0]

    return read


@pytest.fixture
def faults_of(suite_of: Callable[[str], Suite]) -> Callable[..., list[str]]:
    """Return a function that gives what is wrong with a suite."""

    def read(text: str, head: str = HEAD) -> list[str]:
        with pytest.raises(CatalogError) as caught:
            suite_of(text, head)  # type: ignore[call-arg]
        return [str(fault).removeprefix("tests/shop.yaml:") for fault in caught.value.diagnostics]

    return read
