"""The mapping of Feast's features: what it says, and every way it can be wrong."""

from pathlib import Path

import pytest

from nextbest_service.feast.layout import KeyType
from nextbest_service.feast.mapping import FeastMapping, FeastView, read_mapping
from nextbest_service.yaml_files import BrokenFileError

FEATURES = ("trips", "spend")
NAMESPACES = ("customer", "cookie")
SOUND = """\
project: shop
views:
  - view: customer_stats
    namespace: Customer
    join_key: customer_no
    type: INT64
    features:
      trips: trips_30d
      spend: spend
"""


def faults(tmp_path: Path, text: str) -> list[str]:
    """Return what is wrong with a mapping, each with its line."""
    path = tmp_path / "feast.yaml"
    path.write_text(text)
    with pytest.raises(BrokenFileError) as caught:
        read_mapping(path, FEATURES, NAMESPACES)
    return [f"{fault.line}: {fault.message}" for fault in caught.value.diagnostics]


def test_a_mapping_says_where_each_feature_is(tmp_path: Path) -> None:
    path = tmp_path / "feast.yaml"
    path.write_text(SOUND)
    view = FeastView(
        "customer_stats", "customer", "customer_no", KeyType.INT64, {"trips": "trips_30d", "spend": "spend"}
    )
    assert read_mapping(path, FEATURES, NAMESPACES) == FeastMapping("shop", (view,))


def test_a_catalog_without_namespaces_takes_any(tmp_path: Path) -> None:
    path = tmp_path / "feast.yaml"
    path.write_text(SOUND.replace("Customer", "anybody"))
    assert read_mapping(path, FEATURES, ()).views[0].namespace == "anybody"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Customer", "custmer", "4: the catalog declares no such namespace; did you mean 'customer'?"),
        (
            "trips: trips",
            "trip: trips",
            "8: the catalog declares no feature 'trip' with external: true; did you mean 'trips'?",
        ),
        ("INT64", "DOUBLE", "6: expected 'STRING', 'INT32' or 'INT64'"),
        ("project: shop", "projekt: shop", "1: unknown field 'projekt'; did you mean 'project'?"),
        ("    join_key: customer_no\n", "", "3: field 'join_key' is missing"),
        ("spend: spend", "spend: 7", "9: expected text, found the number 7"),
    ],
)
def test_every_fault_has_its_place(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert fault in faults(tmp_path, SOUND.replace(old, new))


def test_a_feature_comes_from_one_place(tmp_path: Path) -> None:
    again = SOUND + SOUND.partition("views:\n")[2]
    assert faults(tmp_path, again) == [
        "15: 'trips' is read from two places",
        "16: 'spend' is read from two places",
    ]


@pytest.mark.parametrize("text", ["", "- 1\n", "project: [\n"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match="cannot be read"):
        read_mapping(tmp_path / "nowhere.yaml", FEATURES, NAMESPACES)
