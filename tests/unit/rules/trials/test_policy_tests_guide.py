"""The reference of policy tests tells what the reader takes."""

import re

import jsonschema
from format_tables import TESTS_GUIDE, refreshed

from nextbest_rules.loading.json_schema import schemas
from nextbest_rules.loading.shape import read_document
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import plain
from nextbest_rules.trials import SuiteDocument

EXAMPLE = re.compile(r"```yaml suite\n(.*?)```", re.DOTALL)


def test_the_tables_of_the_guide_are_fresh() -> None:
    """Write them anew with `python tests/unit/rules/format_tables.py`."""
    assert refreshed(TESTS_GUIDE.read_text()) == TESTS_GUIDE.read_text()


def test_the_example_of_the_guide_is_a_suite() -> None:
    [example] = EXAMPLE.findall(TESTS_GUIDE.read_text())
    root, faults = parse(example, "guide")
    assert root is not None
    assert not faults
    document, wrong = read_document(SuiteDocument, root, "guide")
    assert wrong == []
    assert document is not None
    jsonschema.validate(plain(root), schemas()["suite"], cls=jsonschema.Draft7Validator)
