"""What the candidate field types of the contract cost in Python: request context and response scores.

Run it with `python -m benchmarks.micro.wire_types`; add `--json` for a machine. The decision drawn from it is
docs/adr/0002-wire-types.md.
"""
# Messages built at run time have no static type.
# ruff: noqa: ANN401

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import google.protobuf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2
from google.protobuf.internal import api_implementation

from benchmarks.interleaved import Candidate, run

# The candidates live here and not in the contract: the losers never ship.
CONTEXTS_PROTO = """
syntax = "proto3";
package bench;
import "google/protobuf/struct.proto";

message Scalar { oneof kind { string string_value = 1; double number_value = 2; bool bool_value = 3; } }
message Entry {
  string key = 1;
  oneof kind { string string_value = 2; double number_value = 3; bool bool_value = 4; }
}
message StructContext { google.protobuf.Struct context = 1; }
message ValueMapContext { map<string, Scalar> context = 1; }
message EntriesContext { repeated Entry context = 1; }
message TypedMapsContext {
  map<string, string> strings = 1; map<string, double> numbers = 2; map<string, bool> flags = 3;
}
message StringList { repeated string values = 1; }
message TypedMapsAndListsContext {
  map<string, string> strings = 1; map<string, double> numbers = 2; map<string, bool> flags = 3;
  map<string, StringList> lists = 4;
}
message JsonContext { string context = 1; }
"""

# One answer per way to hold the scores: placements of propositions that differ in nothing else.
RESPONSE_PROTO = """
message {name}Proposition {{
  string action_id = 1; int32 rank = 2; string token = 3; string content = 4;
  {scores}
}}
message {name}Placement {{ string placement_id = 1; repeated {name}Proposition propositions = 2; }}
message {name}Response {{ string decision_id = 1; repeated {name}Placement placements = 2; }}
"""

STRINGS = {"page": "/offers/spring", "device": "mobile", "city": "Hanoi", "daypart": "evening"}
NUMBERS = {"temperature": 35.5, "cart_value": 149.9, "visits_today": 3.0}
FLAGS = {"logged_in": True}
CONTEXT: dict[str, object] = {**STRINGS, **NUMBERS, **FLAGS}

SCORES = {"propensity": 0.0371, "value": 12.5, "context_weight": 1.1, "lever": 1.25}
SCORES |= {"priority": 0.637656, "selection_probability": 0.9667}
DOUBLES = " ".join(f"double {name} = {number};" for number, name in enumerate(SCORES, 5))
LAYOUTS = {
    "Double": DOUBLES,
    "Float": DOUBLES.replace("double", "float"),
    "Nested": f"message Factors {{ {DOUBLES} }} Factors factors = 5;",
    "Packed": "repeated double scores = 5;",
}

TOKEN = "AbCd" * 30
CONTENT = '{"title":"20 % off yoghurt","image":"https://cdn.example/yoghurt.webp"}'


def message_classes() -> dict[str, Any]:
    """Compile the candidates into throw-away message classes, by name."""
    with tempfile.TemporaryDirectory() as directory:
        source, output = Path(directory, "bench.proto"), Path(directory, "bench.binpb")
        answers = (RESPONSE_PROTO.format(name=name, scores=scores) for name, scores in LAYOUTS.items())
        source.write_text(CONTEXTS_PROTO + "".join(answers), encoding="utf-8")
        command = ["-I", directory, f"--descriptor_set_out={output}", str(source)]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *command], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    for file in files.file:
        pool.Add(file)
    found = [pool.FindMessageTypeByName(f"bench.{message.name}") for message in files.file[0].message_type]
    return {descriptor.name: message_factory.GetMessageClass(descriptor) for descriptor in found}


def read_map(entries: Any) -> dict[str, object]:
    """Read a map of messages with a oneof `kind`; as below, indexing beats `items()`."""
    return {key: getattr(value := entries[key], value.WhichOneof("kind")) for key in entries}


def read_entries(entries: Any) -> dict[str, object]:
    """Read a list of messages with a key and a oneof `kind`."""
    return {entry.key: getattr(entry, entry.WhichOneof("kind")) for entry in entries}


def read_typed_maps(message: Any) -> dict[str, object]:
    """Merge the three maps. Looking up every key is a third faster than `items()` in upb."""
    return {
        key: entries[key] for entries in (message.strings, message.numbers, message.flags) for key in entries
    }


def read_typed_maps_and_lists(message: Any) -> dict[str, object]:
    """Merge the four maps; lists become plain lists."""
    context = read_typed_maps(message)
    if message.lists:
        context.update({key: list(message.lists[key].values) for key in message.lists})
    return context


def filled_scalar(scalar: Any, value: object) -> None:
    """Set the member of the oneof that fits the value's type."""
    member = {str: "string_value", float: "number_value", bool: "bool_value"}[type(value)]
    setattr(scalar, member, value)


def context_payloads(classes: dict[str, Any]) -> dict[str, bytes]:
    """Write the typical context once per candidate message."""
    struct, values, entries = (classes[f"{name}Context"]() for name in ("Struct", "ValueMap", "Entries"))
    typed, typed_and_lists = (
        classes[f"{name}Context"](strings=STRINGS, numbers=NUMBERS, flags=FLAGS)
        for name in ("TypedMaps", "TypedMapsAndLists")
    )
    for key, value in CONTEXT.items():
        filled_scalar(struct.context.fields[key], value)
        filled_scalar(values.context[key], value)
        filled_scalar(entries.context.add(key=key), value)
    text = classes["JsonContext"](context=json.dumps(CONTEXT, separators=(",", ":")))
    messages = (struct, values, entries, typed, typed_and_lists, text)
    return {type(message).__name__: message.SerializeToString() for message in messages}


def parse_and_read(parse: Callable[[bytes], Any], payload: bytes, read: Callable[[Any], object]) -> object:
    """Do what a servicer does with a context."""
    return read(parse(payload))


def context_candidates(classes: dict[str, Any]) -> Iterator[Candidate]:
    """Parse a request's context and turn it into a plain dict."""
    readers: dict[str, tuple[str, Callable[[Any], object]]] = {
        "StructContext": ("google.protobuf.Struct", lambda m: read_map(m.context.fields)),
        "ValueMapContext": ("map<string, Value>", lambda m: read_map(m.context)),
        "EntriesContext": ("repeated (key, oneof)", lambda m: read_entries(m.context)),
        "TypedMapsContext": ("three typed maps", read_typed_maps),
        "TypedMapsAndListsContext": ("typed maps + empty lists", read_typed_maps_and_lists),
        "JsonContext": ("JSON text", lambda m: json.loads(m.context)),
    }
    payloads = context_payloads(classes)
    for message_name, (label, read) in readers.items():
        call = partial(parse_and_read, classes[message_name].FromString, payloads[message_name], read)
        candidate = Candidate("context: parse + dict", label, len(payloads[message_name]), call)
        if candidate.call() != CONTEXT:
            raise AssertionError(f"{label} does not read back what was written")
        yield candidate


def flat(proposition: Any) -> None:
    """Write the scores as fields of the proposition."""
    for name, score in SCORES.items():
        setattr(proposition, name, score)


def response(response_class: Any, write_scores: Callable[[Any], None]) -> Any:
    """Build an answer of three placements with three propositions each."""
    answer = response_class(decision_id="01JD9Q6Y0W3N8RZ5T7K2M4X6V8")
    for placement_id in ("hero", "menu", "popup"):
        placement = answer.placements.add(placement_id=placement_id)
        for rank in (1, 2, 3):
            add = placement.propositions.add
            write_scores(add(action_id="c18-51380041013", rank=rank, token=TOKEN, content=CONTENT))
    return answer


def build(response_class: Any, write_scores: Callable[[Any], None]) -> object:
    """Build and serialise."""
    return response(response_class, write_scores).SerializeToString()


def response_candidates(classes: dict[str, Any]) -> Iterator[Candidate]:
    """Serialise an answer; build and serialise it."""
    writers: dict[str, tuple[str, Callable[[Any], None]]] = {
        "Double": ("double fields", flat),
        "Float": ("float fields", flat),
        "Nested": ("double in a sub-message", lambda p: flat(p.factors)),
        "Packed": ("packed repeated double", lambda p: p.scores.extend(SCORES.values())),
    }
    for prefix, (label, write) in writers.items():
        response_class = classes[f"{prefix}Response"]
        built = response(response_class, write)
        yield Candidate("response: serialise", label, built.ByteSize(), built.SerializeToString)
        yield Candidate(
            "response: build + serialise", label, built.ByteSize(), partial(build, response_class, write)
        )


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    classes = message_classes()
    yield from context_candidates(classes)
    yield from response_candidates(classes)


if __name__ == "__main__":
    run(
        "Wire types of the context and of a response",
        candidates,
        {"protobuf": google.protobuf.__version__, "runtime": api_implementation.Type()},
    )
