"""The command line without the start of a process, which takes longer than most commands."""

import os
import sys

import pytest
from command_runs import Nextbest, Ran

from nextbest_service.cli.app import main


@pytest.fixture
def nextbest(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nextbest:
    """Return the command line as a function: everything of it but the start of a process."""
    for name in [name for name in os.environ if name.startswith("NEXTBEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object, **environment: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["nextbest", *map(str, arguments)])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code or 0
        assert isinstance(code, int)
        return Ran(code, *capsys.readouterr())

    return run
