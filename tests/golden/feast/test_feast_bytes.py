"""The adapter finds and reads what the real Feast wrote: `make feast-golden` captures it anew."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from nextbest_service.feast.layout import KeyType, entity_key, feature_field, murmur3_32, time_field
from nextbest_service.feast.wire import FeastValueError, number_of, time_ms_of

GOLDEN = json.loads((Path(__file__).parent / "online_store.json").read_text(encoding="utf-8"))
ROWS = GOLDEN["rows"]
NUMBERS = ("trips", "visits", "spend", "margin", "member", "born", "unheard")


@dataclass(frozen=True)
class Entity:
    """One captured entity: what went in, and the hash that came out."""

    row: dict
    stored: dict

    def blob(self, feature: str) -> bytes:
        """Return the stored value of a feature."""
        return bytes.fromhex(self.stored[feature_field(self.row["view"], feature).hex()])


@pytest.fixture(params=ROWS, ids=[f"{row['join_key']}={row['value']}" for row in ROWS])
def entity(request: pytest.FixtureRequest) -> Entity:
    """Each captured entity, found under the key that the adapter computes."""
    row = request.param
    key = entity_key(GOLDEN["project"], row["join_key"], KeyType[row["type"]], row["value"])
    assert key is not None
    return Entity(row, GOLDEN["hashes"][key.hex()])


def test_every_captured_hash_is_that_of_a_captured_entity() -> None:
    assert len(GOLDEN["hashes"]) == len(ROWS) == 9


def test_every_field_is_a_feature_or_the_time(entity: Entity) -> None:
    fields = {feature_field(entity.row["view"], name).hex() for name in entity.row["features"]}
    assert set(entity.stored) == fields | {time_field(entity.row["view"]).hex()}


@pytest.mark.parametrize("feature", NUMBERS)
def test_numbers_flags_and_times_come_out_as_they_went_in(entity: Entity, feature: str) -> None:
    assert number_of(entity.blob(feature)) == entity.row["features"][feature]


def test_text_is_refused_without_being_repeated(entity: Entity) -> None:
    with pytest.raises(FeastValueError, match=r"^not a number$"):
        number_of(entity.blob("tier"))


def test_the_time_of_the_values_is_that_of_the_row(entity: Entity) -> None:
    stamp = bytes.fromhex(entity.stored[time_field(entity.row["view"]).hex()])
    assert time_ms_of(stamp) == entity.row["as_of_ms"]


@pytest.mark.parametrize("feature", NUMBERS)
def test_a_cut_value_never_becomes_another_number(entity: Entity, feature: str) -> None:
    blob = entity.blob(feature)
    for length in range(1, len(blob)):
        with pytest.raises(FeastValueError):
            number_of(blob[:length])


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", 0),
        (b"a", 0x3C2569B2),
        (b"hello", 0x248BFA47),
        (b"hello, world", 0x149BBB7F),
        (b"abcdefg", 0x883C9B06),
    ],
)
def test_the_hash_of_a_field_is_murmur3(data: bytes, digest: int) -> None:
    assert murmur3_32(data) == digest


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (KeyType.INT64, "A17"),
        (KeyType.INT64, ""),
        (KeyType.INT64, "--1"),
        (KeyType.INT64, "1_000"),
        (KeyType.INT64, "٣"),
        (KeyType.INT64, "9" * 400),
        (KeyType.INT64, str(2**63)),
        (KeyType.INT32, str(2**31)),
    ],
)
def test_an_id_that_is_no_number_of_the_type_has_no_entity(kind: KeyType, value: str) -> None:
    assert entity_key("shop", "household_id", kind, value) is None


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(b"\x29" + b"\x00" * 6 + b"\xf0\x7f", id="infinity"),
        pytest.param(b"\x20" + b"\xff" * 11, id="endless number"),
        pytest.param(b"\x2a\x7f", id="content beyond the end"),
        pytest.param(b"\x23", id="a group"),
        pytest.param(b"\x72\x00", id="a list"),
    ],
)
def test_what_is_no_finite_number_is_refused(blob: bytes) -> None:
    with pytest.raises(FeastValueError):
        number_of(blob)


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x98\x01\x00", id="null"),
        pytest.param(b"\x29" + b"\x00" * 6 + b"\xf8\x7f", id="not a number"),
        pytest.param(b"\x35\x00\x00\xc0\x7f", id="not a float"),
    ],
)
def test_a_missing_value_is_missing(blob: bytes) -> None:
    assert number_of(blob) is None


def test_a_damaged_time_is_refused() -> None:
    with pytest.raises(FeastValueError):
        time_ms_of(b"\x08")
