"""Wakes the loop at a moment to the microsecond: event loops only know milliseconds."""

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable

_CLOCK_MONOTONIC, _NONBLOCKING, _ABSOLUTE = 1, os.O_NONBLOCK, 1
_SECOND_NS = 1_000_000_000


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Alarm(ctypes.Structure):
    _fields_ = (("interval", _Time), ("at", _Time))


class Pacer:
    """Calls back at a moment of `time.monotonic_ns`; one moment at a time."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake, self._loop = wake, asyncio.get_running_loop()
        self._timer = -1
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._timer = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCKING)
            self._loop.add_reader(self._timer, self._ring)

    def at(self, moment_ns: int) -> None:
        """Ask to be woken; a moment that is over wakes at once."""
        if self._timer < 0:
            late = (moment_ns - time.monotonic_ns()) / _SECOND_NS
            self._loop.call_later(max(0.0, late), self._wake)
            return
        alarm = _Alarm(_Time(0, 0), _Time(*divmod(max(1, moment_ns), _SECOND_NS)))
        self._libc.timerfd_settime(self._timer, _ABSOLUTE, ctypes.byref(alarm), None)

    def close(self) -> None:
        """Stop to wake."""
        if self._timer >= 0:
            self._loop.remove_reader(self._timer)
            os.close(self._timer)
            self._timer = -1

    def _ring(self) -> None:
        os.read(self._timer, 8)
        self._wake()
