"""Why a service of several workers ends by itself."""

from collections.abc import Sequence


class ServiceEndedError(Exception):
    """There is nothing more to serve. `lines` are what to say about it, with what exit code."""

    def __init__(self, exit_code: int, lines: Sequence[str] = ()) -> None:
        super().__init__(*lines)
        self.exit_code = exit_code
        self.lines = tuple(lines)


class BrokenOffError(ServiceEndedError):
    """A worker ended before it served and would do so again, with this exit code; it has told why."""


class CrashLoopError(ServiceEndedError):
    """Workers kept dying, and none is left."""

    def __init__(self, deaths: int, exit_code: int) -> None:
        end = f"the last with exit code {exit_code}"
        super().__init__(1, [f"workers keep dying: {deaths} in a row, {end}; see the log above"])
