"""Lets threads that serve the event loop wait for it, instead of interrupting it."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_THREADS = Path("/proc/self/task")
_BESIDE = 4
"""Threads for what blocks: files to look at, reloads to build, a write to wait for."""


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


def patient_threads() -> ThreadPoolExecutor:
    """Return where work goes that would hold up the event loop: to threads that do not interrupt it."""

    def begin() -> None:
        if _THREADS.is_dir():
            _make_patient(threading.get_native_id())

    return ThreadPoolExecutor(_BESIDE, thread_name_prefix="beside", initializer=begin)


def _make_patient(number: int) -> None:
    try:
        if os.sched_getscheduler(number) == os.SCHED_OTHER:
            os.sched_setscheduler(number, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        return  # it has ended, or may not be changed: then it goes on as it is
