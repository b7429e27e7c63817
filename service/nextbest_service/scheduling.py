"""Lets threads that serve the event loop wait for it, instead of interrupting it."""

import os
import threading
from pathlib import Path

_THREADS = Path("/proc/self/task")


def step_back() -> None:
    """Let all threads of this process but the main one run when that one waits, or its turn is over.

    gRPC tells the loop about a call from threads of its own. Where they share its core, each call interrupts
    the loop four times on average: under load, that takes a fifth of the answers. Whatever such a thread
    starts later steps back with it. Linux only; elsewhere nothing is done.
    """
    if not _THREADS.is_dir():
        return
    for number in (int(path.name) for path in _THREADS.iterdir()):
        if number != threading.main_thread().native_id:
            _make_patient(number)


def _make_patient(number: int) -> None:
    try:
        if os.sched_getscheduler(number) == os.SCHED_OTHER:
            os.sched_setscheduler(number, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        return  # it has ended, or may not be changed: then it goes on as it is
