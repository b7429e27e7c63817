"""The reference of the format tells what the loader does."""

import re

import jsonschema
from format_tables import GUIDE, MARKED, refreshed

from nextbest_rules.loading.json_schema import schemas
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import plain

EXAMPLE = re.compile(r"```yaml (\w+)\n(.*?)```", re.DOTALL)


def test_the_tables_of_the_guide_are_fresh() -> None:
    """Write them anew with `python tests/unit/rules/format_tables.py`."""
    assert refreshed(GUIDE.read_text()) == GUIDE.read_text()


def test_the_guide_has_a_table_for_every_kind_of_file() -> None:
    shown = {kind for _, kind, _ in MARKED.findall(GUIDE.read_text())}
    assert shown == (schemas().keys() - {"suite"}) | {"selector", "rule", "built_in"}


def test_the_examples_of_the_guide_fit_their_schemas() -> None:
    examples = EXAMPLE.findall(GUIDE.read_text())
    assert {kind for kind, _ in examples} >= {
        "catalog",
        "facts",
        "placements",
        "conditions",
        "policies",
        "actions",
    }
    for kind, text in examples:
        root, faults = parse(text, kind)
        assert root is not None
        assert not faults
        jsonschema.validate(plain(root), schemas()[kind], cls=jsonschema.Draft7Validator)
