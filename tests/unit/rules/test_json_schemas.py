"""The schemas that editors use: fresh, complete, and in agreement with the shipped catalogs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nextbest_rules.loading.json_schema import schemas
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import plain

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "rules" / "schemas"
CATALOG_FILES = sorted((ROOT / "rules" / "catalogs").rglob("*.yaml"))
EVERY_FIELD = ROOT / "tests" / "catalogs" / "every_field"
GENERATED = schemas()
HEADER = "# yaml-language-server: $schema="


def content_of(file: Path) -> object:
    root, faults = parse(file.read_text(), file.name)
    assert root is not None
    assert not faults
    return plain(root)


def faults_in(kind: str, content: object) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(GENERATED[kind]).iter_errors(content)]


def test_the_committed_schemas_are_fresh() -> None:
    """Write them anew with `nextbest rules schema --out rules/schemas`."""
    committed = {file.stem: json.loads(file.read_text()) for file in SCHEMAS.glob("*.json")}
    assert committed == dict(GENERATED)


def test_the_schemas_are_sound() -> None:
    for schema in GENERATED.values():
        jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("catalog", sorted({file.relative_to(ROOT).parts[2] for file in CATALOG_FILES}))
def test_every_file_of_a_shipped_catalog_names_its_schema_and_fits_it(catalog: str) -> None:
    kinds = {"actions": "actions", "tests": "suite"}
    for file in (ROOT / "rules" / "catalogs" / catalog).rglob("*.yaml"):
        header = file.read_text().splitlines()[0]
        assert header.startswith(HEADER), file
        schema = (file.parent / header.removeprefix(HEADER)).resolve()
        assert schema == SCHEMAS / f"{kinds.get(file.parent.name, file.stem)}.json", file
        assert faults_in(schema.stem, content_of(file)) == [], file


def test_the_catalog_with_every_field_fits_and_uses_every_field() -> None:
    used: set[str] = set()
    for file in EVERY_FIELD.rglob("*.yaml"):
        kind = "actions" if file.parent.name == "actions" else file.stem
        content = content_of(file)
        assert faults_in(kind, content) == [], file
        used |= _used_fields(GENERATED[kind], GENERATED[kind], content, kind)
    declared = {
        field for kind in GENERATED.keys() - {"suite"} for field in _declared_fields(kind, GENERATED[kind])
    }
    assert declared - used == set()


def _declared_fields(kind: str, schema: dict[str, Any]) -> Iterator[str]:
    for name, definition in {kind: schema, **schema.get("$defs", {})}.items():
        yield from (f"{name}.{field}" for field in definition.get("properties", {}))


def _used_fields(root: dict[str, Any], schema: dict[str, Any], content: object, name: str) -> set[str]:
    """Return the declared fields that content uses, by walking schema and content side by side."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return _used_fields(root, root["$defs"][name], content, name)
    used: set[str] = set()
    for option in (part for key in ("allOf", "oneOf", "anyOf") for part in schema.get(key, [])):
        used |= _used_fields(root, option, content, name)
    if isinstance(content, list) and "items" in schema:
        for item in content:
            used |= _used_fields(root, schema["items"], item, name)
    if isinstance(content, dict):
        for field in content.keys() & schema.get("properties", {}).keys():
            used.add(f"{name}.{field}")
            used |= _used_fields(root, schema["properties"][field], content[field], name)
    return used


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Yield every schema within a schema. A field may be called `properties` without being any."""
    if isinstance(value, list):
        for part in value:
            yield from _objects(part)
    if isinstance(value, dict):
        yield value
        for key, part in value.items():
            for below in part.values() if key in ("properties", "$defs") else (part,):
                yield from _objects(below)


def test_every_field_and_every_part_explains_itself() -> None:
    for kind, schema in GENERATED.items():
        for part in _objects(schema):
            for field, described in part.get("properties", {}).items():
                assert described.get("description"), f"{kind}: {field}"
        for name, definition in schema.get("$defs", {}).items():
            assert definition.get("description"), f"{kind}: {name}"


@pytest.mark.parametrize(
    ("kind", "content", "fault"),
    [
        ("policies", {"eligability": []}, "Additional properties are not allowed"),
        ("policies", {"guards": [{"id": "a", "when": "true"}]}, "'reason' is a required property"),
        ("facts", {"facts": [{"name": "Age", "type": "int"}]}, "'Age' does not match"),
        ("facts", {"facts": [{"name": "age", "type": "number"}]}, "'number' is not one of"),
        ("conditions", {"conditions": [{"name": "a", "when": ""}]}, "'' should be non-empty"),
        ("catalog", {"name": "a", "title": "A", "channels": ["web", "web"]}, "has non-unique elements"),
        ("events", {"events": [{"type": "Order"}]}, "'Order' does not match"),
        ("events", {"events": [{"type": "a", "sets": {"b": "colour"}}]}, "'colour' does not match"),
        ("events", {"streams": [{"name": "a", "where": {"shop": ["b"]}}]}, "'shop' does not match"),
        ("segments", {"segments": [{"id": "a", "when": ""}]}, "'' should be non-empty"),
    ],
)
def test_an_editor_refuses_what_the_loader_refuses(kind: str, content: object, fault: str) -> None:
    assert any(fault in message for message in faults_in(kind, content))


@pytest.mark.parametrize(
    ("duration", "fits"),
    [("90d", True), ("1d12h", True), ("90", False), ("12h1d", False), ("", False), (7, False)],
)
def test_an_editor_knows_durations(duration: object, fits: bool) -> None:
    rule = {"id": "a", "by": "product", "for": duration, "reason": "Because."}
    assert (faults_in("policies", {"suppression": {"bought": [rule]}}) == []) is fits


@pytest.mark.parametrize(
    ("valid", "fits"),
    [
        ({"from": "2026-03-01", "until": "2026-03-31T18:00:00+07:00"}, True),
        ([{"from": "2026-03-01"}, {"until": "2026-01-01"}], True),
        ([], False),
        ({"from": "2026-03-01 10:00"}, False),
        ({"since": "2026-03-01"}, False),
    ],
)
def test_an_editor_knows_validity(valid: object, fits: bool) -> None:
    action = {
        "id": "a",
        "type": "OFFER",
        "issue": "i",
        "group": "g",
        "title": "t",
        "value": 1,
        "valid": valid,
    }
    assert (faults_in("actions", [action]) == []) is fits
