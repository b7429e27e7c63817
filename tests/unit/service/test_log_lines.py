"""Logs say what happened where, and never whose data it happened to."""

import json
import subprocess
import sys
from typing import Any

import pytest

from nextbest_service.logs import named

SECRET = "jane.doe@example.org"
LIBRARY = """
import logging
try:
    raise KeyError(SECRET)
except KeyError:
    logging.getLogger("some.library").exception("cannot find %s", SECRET)
"""
UNHEARD_ANSWER = """
import logging
from grpc._cython.cygrpc import ExecuteBatchError
try:
    raise ExecuteBatchError(SECRET)
except ExecuteBatchError:
    logging.getLogger("grpc._cython.cygrpc").exception("raised in core by servicer method [%s]", SECRET)
"""
FORGOTTEN_TASK = """
import asyncio, gc
async def fails(_):
    raise ValueError(SECRET)
async def forget():
    task = asyncio.create_task(fails(SECRET))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
asyncio.run(forget())
"""


def written(script: str, level: str = "INFO") -> str:
    """Return what a process logs whose logs are those of the service."""
    head = "import sys\nfrom nextbest_service.logs import *\nSECRET = sys.argv[1]\n"
    configured = f"configure_logs(LogFormat.JSON, LogLevel.{level})\n"
    command = [sys.executable, "-c", f"{head}{configured}{script}", SECRET]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr
    assert SECRET not in text
    return text


def line(script: str, level: str = "INFO") -> dict[str, Any]:
    """Return the one line that it logs."""
    (found,) = written(script, level).splitlines()
    line: dict[str, Any] = json.loads(found)
    return line


def test_what_a_library_says_is_told_by_its_place() -> None:
    told = line(LIBRARY)
    assert (told["event"], told["library"], told["level"]) == ("library", "some.library", "error")
    assert told["place"] == "<string>:10"
    assert told["exception"].endswith("builtins.KeyError\n")


def test_an_answer_that_its_caller_did_not_wait_for_is_no_error() -> None:
    assert written(UNHEARD_ANSWER) == ""
    told = line(UNHEARD_ANSWER, "DEBUG")
    assert (told["library"], told["level"]) == ("grpc._cython.cygrpc", "debug")


def test_what_fails_in_grpc_otherwise_is_told() -> None:
    told = line(UNHEARD_ANSWER.replace("ExecuteBatchError", "InternalError"))
    assert (told["library"], told["level"]) == ("grpc._cython.cygrpc", "error")


def test_a_task_that_nobody_waited_for_leaks_nothing() -> None:
    told = line(FORGOTTEN_TASK)
    assert told["library"] == "asyncio"
    assert told["exception"].endswith("builtins.ValueError\n")


@pytest.mark.parametrize("source", ["Service_Desk2", "crm", "web-login"])
def test_the_name_of_a_system_is_told(source: str) -> None:
    assert named(source) == source


@pytest.mark.parametrize(
    "source", ["", "+84 90 123 45 67", "0901234567", SECRET, "a" * 33, "a\n", "two words", "é"]
)
def test_what_does_not_look_like_one_is_not(source: str) -> None:
    assert named(source) == "unnamed"
