"""The means to compile a small catalog with some of its files replaced."""

from itertools import count

import pytest
from worlds import FILES, World

from nextbest_rules import RuleSet, load_catalog


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a function that compiles the small bank; each argument replaces a file by YAML text.

    `actions` stands for the file with all actions.
    """
    numbers = count()

    def compile_world(**replaced: str) -> RuleSet:
        directory = tmp_path_factory.mktemp(f"world{next(numbers)}")
        (directory / "actions").mkdir()
        given = {"actions/all" if name == "actions" else name: text for name, text in replaced.items()}
        for name, text in (FILES | given).items():
            (directory / f"{name}.yaml").write_text(text)
        return RuleSet.compile(load_catalog(directory))

    return compile_world
