"""The committed stubs are exactly what the pinned generator makes of the committed protos."""

import subprocess
import sys
from pathlib import Path

PROTOS = Path(__file__).parents[2] / "protos"
STUBS = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py")


def generate(protos: Path, output: Path) -> None:
    """Run the command of `make protos`, into another directory."""
    outputs = [f"--{kind}_out={output}" for kind in ("python", "pyi", "grpc_python")]
    sources = sorted(str(source) for source in protos.glob("nextbest/v1/*.proto"))
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", str(protos), *outputs, *sources], check=True
    )


def stubs(root: Path) -> dict[str, bytes]:
    """Content of every stub, by file name."""
    directory = root / "nextbest" / "v1"
    return {path.name: path.read_bytes() for pattern in STUBS for path in directory.glob(pattern)}


def test_the_committed_stubs_are_what_the_protos_generate(tmp_path: Path) -> None:
    generate(PROTOS, tmp_path)
    committed, fresh = stubs(PROTOS), stubs(tmp_path)
    assert fresh
    stale = sorted(name for name in committed.keys() | fresh.keys() if committed.get(name) != fresh.get(name))
    assert stale == [], "run `make protos`; stubs without a proto have to be deleted"
