"""Mistakes that others have made: each is made in the code here, and a certain test must fail of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

HOOK = Path(__file__).parent / "import_hook"
PATIENCE_SECONDS = 300
FAILED = 1
"""How pytest ends where tests ran and some failed."""


class Edit(NamedTuple):
    """A text of a module, and what takes its place."""

    module: str
    old: str
    new: str


class Mutant(NamedTuple):
    """A mistake, and the test that must notice it."""

    name: str
    edits: tuple[Edit, ...]
    test: str


MUTANTS = (
    Mutant(
        "retries left on",
        (
            Edit(
                "nextbest_service.store.connection",
                "            results = await self.nodes.send(commands)\n",
                "            try:\n"
                "                results = await self.nodes.send(commands)\n"
                "            except NO_ANSWER:\n"
                "                results = await self.nodes.send(commands)\n",
            ),
        ),
        "tests/stores/test_connection.py::test_a_command_is_sent_once_whatever_becomes_of_it",
    ),
    Mutant(
        "caps by reading and counting up",
        (
            Edit(
                "nextbest_service.store.person_hashes",
                '.joinpath("write_person.lua").read_text()',
                '.joinpath("write_person.lua").read_text()'
                '.replace("held ~= read and held ~= written", "false")',
            ),
        ),
        "tests/chaos/test_caps_hold.py",
    ),
    Mutant(
        "no shedding",
        (
            Edit("nextbest_service.overload.waiting", "    return (\n", "    return ()\n    return (\n"),
            Edit(
                "nextbest_service.overload.doors",
                "        left = context.time_remaining()\n",
                "        left = None\n",
            ),
        ),
        "tests/integration/test_overload.py::"
        "test_under_overload_much_more_is_answered_in_time_than_where_all_wait_and_then_everything_again",
    ),
    Mutant(
        "a model that nobody verifies",
        (
            Edit(
                "nextbest_models.artifact",
                "    if _sha256(content) != manifest.model_sha256:\n",
                "    if False:\n",
            ),
        ),
        "tests/integration/test_start_and_stop.py::test_a_corrupt_model_is_refused_before_anything_is_served",
    ),
    Mutant(
        "a guard that fails open",
        (
            Edit(
                "nextbest_rules.stages.guards",
                "        if guard.when_unknown is UnknownMode.DENY:\n            yield",
                "        if guard.when_unknown is UnknownMode.ALLOW:\n            yield",
            ),
        ),
        "tests/unit/rules/stages/test_stage_guards.py::"
        "test_tickets_that_cannot_be_read_hold_all_that_the_guard_could",
    ),
    Mutant(
        "errors that tell too much",
        (
            Edit(
                "nextbest_service.api.refusals",
                'ServiceError(f"internal error, reference {reference}")',
                "ServiceError(f\"internal error, reference {reference}: {__import__('sys').exception()}\")",
            ),
        ),
        "tests/integration/test_edge_of_the_service.py::"
        "test_a_bug_becomes_an_opaque_reference_that_the_log_explains",
    ),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_known_mistake_is_noticed(mutant: Mutant, repository: Path, tmp_path: Path) -> None:
    edits = tmp_path / "edits.json"
    edits.write_text(json.dumps(mutant.edits))
    paths = [str(HOOK), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment |= {"MUTANT_EDITS": str(edits), "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutant.test]
    found = subprocess.run(
        command,
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert found.returncode == FAILED, f"{mutant.name} is not noticed:\n{found.stdout}\n{found.stderr}"
    assert "\nFAILED " in found.stdout, found.stdout
