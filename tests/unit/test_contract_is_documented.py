"""Nothing in the contract goes without a comment: callers read the protos, not our code."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

PROTOS = Path(__file__).parents[2] / "protos"
# A place in a file as protoc counts it: field numbers of descriptor.proto, each followed by an index.
Place = tuple[int, ...]
Element = tuple[Place, str]


def described(root: Path, output: Path) -> FileDescriptorSet:
    """Every proto below a root, with its comments."""
    target = output / "contract.binpb"
    sources = sorted(str(source) for source in root.rglob("*.proto"))
    options = ["-I", str(root), "--include_source_info", f"--descriptor_set_out={target}"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *sources], check=True)
    return FileDescriptorSet.FromString(target.read_bytes())


def enum_elements(enum: EnumDescriptorProto, place: Place, scope: str) -> Iterator[Element]:
    name = f"{scope}.{enum.name}"
    yield place, name
    for index, value in enumerate(enum.value):
        yield (*place, EnumDescriptorProto.VALUE_FIELD_NUMBER, index), f"{name}.{value.name}"


def message_elements(message: DescriptorProto, place: Place, scope: str) -> Iterator[Element]:
    name = f"{scope}.{message.name}"
    yield place, name
    for index, field in enumerate(message.field):
        yield (*place, DescriptorProto.FIELD_FIELD_NUMBER, index), f"{name}.{field.name}"
    synthetic = {field.oneof_index for field in message.field if field.proto3_optional}
    for index, oneof in enumerate(message.oneof_decl):
        if index not in synthetic:
            yield (*place, DescriptorProto.ONEOF_DECL_FIELD_NUMBER, index), f"{name}.{oneof.name}"
    for index, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from message_elements(
                nested, (*place, DescriptorProto.NESTED_TYPE_FIELD_NUMBER, index), name
            )
    for index, enum in enumerate(message.enum_type):
        yield from enum_elements(enum, (*place, DescriptorProto.ENUM_TYPE_FIELD_NUMBER, index), name)


def service_elements(service: ServiceDescriptorProto, place: Place, scope: str) -> Iterator[Element]:
    name = f"{scope}.{service.name}"
    yield place, name
    for index, method in enumerate(service.method):
        yield (*place, ServiceDescriptorProto.METHOD_FIELD_NUMBER, index), f"{name}.{method.name}"


def elements(file: FileDescriptorProto) -> Iterator[Element]:
    for index, message in enumerate(file.message_type):
        yield from message_elements(
            message, (FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER, index), file.package
        )
    for index, enum in enumerate(file.enum_type):
        yield from enum_elements(enum, (FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER, index), file.package)
    for index, service in enumerate(file.service):
        yield from service_elements(service, (FileDescriptorProto.SERVICE_FIELD_NUMBER, index), file.package)


def undocumented(root: Path, output: Path) -> list[str]:
    """Names of all elements without a leading comment."""
    missing: list[str] = []
    for file in described(root, output).file:
        comments = {
            tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location
        }
        missing += [name for place, name in elements(file) if not comments.get(place)]
    return missing


def test_every_element_of_the_contract_has_a_comment(tmp_path: Path) -> None:
    assert undocumented(PROTOS, tmp_path) == []


DOCUMENTED = """syntax = "proto3";
package shop;
// A basket.
message Basket {
  // How full.
  enum Fill {
    // Unknown.
    FILL_UNSPECIFIED = 0;
  }
  // A line.
  message Line {
    // The product.
    string product = 1;
  }
  // The lines.
  repeated Line lines = 1;
  // Its notes.
  map<string, string> notes = 2;
  // Its price.
  optional double price = 3;
  // Its owner.
  oneof owner {
    // A name.
    string name = 4;
  }
}
// Sells.
service Till {
  // Pays.
  rpc Pay(Basket) returns (Basket);
}
"""


def test_a_documented_contract_passes(tmp_path: Path) -> None:
    (tmp_path / "shop.proto").write_text(DOCUMENTED, encoding="utf-8")
    assert undocumented(tmp_path, tmp_path) == []


@pytest.mark.parametrize(
    ("comment", "name"),
    [
        ("A basket.", "shop.Basket"),
        ("How full.", "shop.Basket.Fill"),
        ("Unknown.", "shop.Basket.Fill.FILL_UNSPECIFIED"),
        ("A line.", "shop.Basket.Line"),
        ("The product.", "shop.Basket.Line.product"),
        ("The lines.", "shop.Basket.lines"),
        ("Its notes.", "shop.Basket.notes"),
        ("Its price.", "shop.Basket.price"),
        ("Its owner.", "shop.Basket.owner"),
        ("A name.", "shop.Basket.name"),
        ("Sells.", "shop.Till"),
        ("Pays.", "shop.Till.Pay"),
    ],
)
def test_an_element_without_a_comment_is_named(tmp_path: Path, comment: str, name: str) -> None:
    source = DOCUMENTED.replace(f"// {comment}\n", "\n")
    (tmp_path / "shop.proto").write_text(source, encoding="utf-8")
    assert undocumented(tmp_path, tmp_path) == [name]
