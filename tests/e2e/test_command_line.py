"""The command line: help, exit codes, and messages that say what to do."""

import json
from pathlib import Path

import pytest
from command_runs import Nextbest, as_a_process

from nextbest_service.catalogs import shipped_catalogs

COMMANDS = [
    "demo",
    "serve",
    "compile",
    "decide",
    "load",
    "load grocery",
    "load customers",
    "train",
    "simulate-world",
    "catalog",
    "catalog kill",
    "catalog revive",
    "catalog kills",
    "rules",
    "rules check",
    "rules test",
    "rules schema",
]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(nextbest: Nextbest, command: str) -> None:
    shown = nextbest(*command.split(), "--help")
    assert shown.returncode == 0
    assert "Usage:" in shown.stdout
    assert "--help" in shown.stdout


def test_the_version_is_that_of_the_package() -> None:
    assert as_a_process("--version").stdout.startswith("nextbest 0.")


def test_shell_completion_knows_the_commands() -> None:
    shown = as_a_process(
        _NEXTBEST_COMPLETE="complete_bash",
        _TYPER_COMPLETE_ARGS="nextbest ",
        COMP_WORDS="nextbest ",
        COMP_CWORD="1",
    )
    assert {"demo", "serve", "decide", "load", "train"} <= set(shown.stdout.split())


def test_the_customers_of_the_guide_fit_the_bank(nextbest: Nextbest) -> None:
    customers = Path(__file__).parents[2] / "docs" / "examples" / "bank-customers.yaml"
    checked = nextbest("load", "customers", str(customers), "--catalog", "bank", "--dry-run", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["customers"] == 4


def test_wrong_usage_exits_with_2(nextbest: Nextbest) -> None:
    assert nextbest("decide", "--nonsense").returncode == 2
    nobody = nextbest("decide")
    assert nobody.returncode == 2
    assert "--customer" in nobody.stderr


def test_no_service_exits_with_3_and_says_what_to_start() -> None:
    asked = as_a_process("decide", "--customer", "1", "--address", "127.0.0.1:1", "--timeout", "0.5")
    assert asked.returncode == 3
    assert "no answer from 127.0.0.1:1" in asked.stderr
    assert "Is `nextbest serve` running?" in asked.stderr
    assert "Traceback" not in asked.stderr


def test_an_unknown_catalog_names_the_shipped_ones(tmp_path: Path) -> None:
    served = as_a_process("serve", "--catalog", "nope", "--home", str(tmp_path))
    assert served.returncode == 3
    assert "no catalog 'nope': neither a shipped one (bank, grocery) nor a directory" in served.stderr


def test_a_broken_catalog_lists_every_error_and_exits_with_2(tmp_path: Path, repository: Path) -> None:
    broken = repository / "tests" / "catalogs" / "broken" / "errors_of_every_file"
    served = as_a_process("serve", "--catalog", str(broken), "--home", str(tmp_path))
    assert served.returncode == 2
    *diagnostics, summary = served.stderr.strip().splitlines()
    assert summary == f"{len(diagnostics)} errors in the catalog; nothing was loaded"
    assert len(diagnostics) > 3
    assert all(len(line.split(":")) >= 4 for line in diagnostics)


def test_a_recipe_that_cannot_be_read_is_named(nextbest: Nextbest, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("name = ")
    trained = nextbest("train", "--recipe", str(recipe), "--home", str(tmp_path))
    assert trained.returncode == 2
    assert "recipe.toml cannot be read" in trained.stderr


def test_inspecting_a_model_before_any_training_says_what_to_do(nextbest: Nextbest, tmp_path: Path) -> None:
    inspected = nextbest("models", "inspect", "--home", str(tmp_path))
    assert inspected.returncode == 2
    assert "Run `nextbest train`" in inspected.stderr


def test_a_moment_that_is_none_is_refused(nextbest: Nextbest) -> None:
    loaded = nextbest("load", "grocery", "--as-of", "yesterday")
    assert loaded.returncode == 2
    assert "2017-10-30" in loaded.stderr


def test_the_committed_action_files_are_those_that_the_data_gives(nextbest: Nextbest, tmp_path: Path) -> None:
    written = nextbest("load", "grocery", "--actions-to", str(tmp_path), "--json")
    assert json.loads(written.stdout) == {"files": 27}
    committed = shipped_catalogs()["grocery"] / "actions"
    fresh = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert fresh == {path.name: path.read_text() for path in committed.glob("campaign-*")}
