"""JSON Schemas of the files of a catalog, so that editors complete, explain and check them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from nextbest_rules.loading.documents import (
    ActionDocument,
    CatalogDocument,
    ConditionsDocument,
    EventsDocument,
    ExperimentsDocument,
    FactsDocument,
    FeaturesDocument,
    PlacementsDocument,
    PoliciesDocument,
    SegmentsDocument,
)
from nextbest_rules.trials.documents import SuiteDocument

JsonSchema: TypeAlias = dict[str, Any]

# The newest dialect that editors of YAML understand.
_DIALECT = "http://json-schema.org/draft-07/schema#"
_KINDS: Mapping[str, tuple[Any, str]] = {
    "catalog": (CatalogDocument, "catalog.yaml of a nextbest catalog"),
    "features": (FeaturesDocument, "features.yaml of a nextbest catalog"),
    "facts": (FactsDocument, "facts.yaml of a nextbest catalog"),
    "placements": (PlacementsDocument, "placements.yaml of a nextbest catalog"),
    "policies": (PoliciesDocument, "policies.yaml of a nextbest catalog"),
    "conditions": (ConditionsDocument, "conditions.yaml of a nextbest catalog"),
    "segments": (SegmentsDocument, "segments.yaml of a nextbest catalog"),
    "events": (EventsDocument, "events.yaml of a nextbest catalog"),
    "experiments": (ExperimentsDocument, "experiments.yaml of a nextbest catalog"),
    "suite": (SuiteDocument, "A suite of policy tests of a nextbest catalog"),
    "actions": (list[ActionDocument], "A file of actions of a nextbest catalog"),
}


class _Generator(GenerateJsonSchema):
    """Leaves out what tells people nothing: titles made from names, and that an absent field is null."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - as in the base class
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner, default = self.generate_inner(schema["schema"]), schema.get("default")
        told = isinstance(default, bool | int | float | str | list) and default not in ("", [])
        return {**inner, "default": default} if told else inner


def schemas() -> Mapping[str, JsonSchema]:
    """Return the JSON Schema of each kind of file by its name: catalog, features, facts and so on."""
    return {kind: _schema(model, title) for kind, (model, title) in _KINDS.items()}


def _schema(model: Any, title: str) -> JsonSchema:  # noqa: ANN401 - a model, or a list of one
    generated = TypeAdapter(model).json_schema(schema_generator=_Generator)
    return {"$schema": _DIALECT, "title": title, **_polished(generated)}


def _polished(schema: JsonSchema) -> JsonSchema:
    """Return a schema without the names of classes, in the words that every editor understands."""
    polished = {key: _polished_part(value) for key, value in schema.items() if not _is_title(key, value)}
    if "patternProperties" in polished:
        polished["additionalProperties"] = False
    if "$defs" in polished:
        polished["$defs"] = {_plain_name(name): value for name, value in polished["$defs"].items()}
    if "$ref" in polished:
        polished["$ref"] = _plain_name(polished["$ref"])
        if len(polished) > 1:  # some editors see nothing beside a reference
            polished["allOf"] = [{"$ref": polished.pop("$ref")}]
    return polished


def _polished_part(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_polished_part(item) for item in value]
    return _polished(value) if isinstance(value, dict) else value


def _is_title(key: str, value: object) -> bool:
    """Tell a title from a field of that name."""
    return key == "title" and isinstance(value, str)


def _plain_name(name: str) -> str:
    return name.removesuffix("Document")
