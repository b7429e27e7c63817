"""Kernels are compiled once, by processes that end; where that fails, services do without."""

import sys
from pathlib import Path

import pytest

from nextbest_service import kernels
from nextbest_service.compiling import model

NOTE = "import sys, pathlib; pathlib.Path(sys.argv[1], '-'.join(sys.argv[2:])).touch()"
NOTING = (sys.executable, "-c", NOTE)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where compiled code is kept meanwhile; what compiles only leaves a note."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(kernels, "_COMPILE", (*NOTING, str(tmp_path)))
    return tmp_path / "kept"


def test_every_part_is_compiled_once_for_a_version_and_a_machine(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kernels.ensure_compiled()
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"states-16", "32"}
    (done,) = kept.iterdir()
    monkeypatch.setattr(kernels, "_COMPILE", ("this", "does", "not", "run"))
    assert kernels.ensure_compiled()
    monkeypatch.setattr(kernels, "_processor", lambda: "another one")
    with pytest.raises(FileNotFoundError):
        kernels.ensure_compiled()
    assert [*kept.iterdir()] == [done]


def test_a_part_that_fails_is_compiled_again_next_time(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = (sys.executable, "-c", "import sys; sys.exit('32' in sys.argv)")
    monkeypatch.setattr(kernels, "_COMPILE", failing)
    assert not kernels.ensure_compiled()
    assert [*kept.iterdir()] == []


def test_where_nothing_can_be_kept_nothing_is_compiled_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a file"
    file.touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(file / "below"))
    assert not kernels.ensure_compiled()


@pytest.mark.parametrize("leaves", [16, 32])
def test_models_that_are_compiled_ahead_have_as_many_leaves_as_they_should(leaves: int) -> None:
    (tree,) = model(leaves).booster.dump_model()["tree_info"]
    assert tree["num_leaves"] == leaves
    assert model(leaves).scorer.name == "exact"
