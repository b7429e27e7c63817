"""Loads files with one or more processes, keeps the checkpoint, and counts."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from nextbest_models.progress import Progress
from nextbest_service.bulk.checkpoint import Checkpoint, Place
from nextbest_service.bulk.rejects import RejectsFile
from nextbest_service.bulk.shares import Counts, Task, Word, load_share
from nextbest_service.bulk.sources import open_source
from nextbest_service.errors import StartupError

MOST_JOBS = 16
ALONE_BYTES = 4 << 20
"""Up to this size a second process would take longer to start than it saves."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a load keeps besides the store: where rejects go, and how far it has come."""

    rejects: RejectsFile
    checkpoint: Checkpoint
    progress: Progress


def jobs_for(files: Sequence[Path]) -> int:
    """Return a sensible number of processes for files of this size: one, or one per core up to four."""
    size = sum(path.stat().st_size for path in files)
    return 1 if size <= ALONE_BYTES else max(1, min(os.cpu_count() or 1, 4))


def load_files(task: Task, jobs: int, running: Running) -> Counts:
    """Load all files from the task's place on.

    Raises:
        StartupError: a file cannot be read, the store does not answer, or a process ended early.
    """
    tally = _Tally(task, jobs, running)
    if jobs == 1:
        load_share(task, 0, 1, tally.take)
    else:
        _side_by_side(task, jobs, tally.take)
    running.checkpoint.remove()
    return tally.counts


class _Tally:
    """Takes the words of all shares: counts, shows the progress, notes how far everybody has come."""

    def __init__(self, task: Task, jobs: int, running: Running) -> None:
        self.counts = Counts()
        self._running = running
        self._places = [task.start] * jobs
        self._sizes = [open_source(path).size for path in task.files]

    def take(self, word: Word) -> None:
        """Take one word."""
        self.counts.add(word.counts)
        self._running.rejects.take(word.rejects)
        self._places[word.share] = word.place
        slowest = min(self._places)
        self._running.checkpoint.write(slowest)
        done = sum(map(self._done, self._places)) // len(self._places)
        self._running.progress("Loading", done, sum(self._sizes))

    def _done(self, place: Place) -> int:
        return sum(self._sizes[: place.file]) + place.position


def _side_by_side(task: Task, jobs: int, take: Callable[[Word], None]) -> None:
    with _processes(task, jobs) as waiting:
        while waiting:
            for connection in wait(list(waiting)):
                assert isinstance(connection, Connection)
                try:
                    word = connection.recv()
                except EOFError:
                    waiting.pop(connection).join()
                    continue
                if isinstance(word, str):
                    raise StartupError(word)
                take(word)


@contextmanager
def _processes(task: Task, jobs: int) -> Iterator[dict[Connection, SpawnProcess]]:
    """Yield a process per share by the connection that it talks on; whoever is left is stopped."""
    context = multiprocessing.get_context("spawn")
    processes: dict[Connection, SpawnProcess] = {}
    try:
        for share in range(jobs):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(task, share, jobs, theirs), daemon=True)
            process.start()
            theirs.close()
            processes[ours] = process
        yield (waiting := dict(processes))
        assert not waiting
        failed = [process for process in processes.values() if process.exitcode]
        if failed:
            raise StartupError("a loading process ended early; run again with --resume")
    finally:
        for process in processes.values():
            process.terminate()
            process.join()


def _work(task: Task, share: int, of: int, connection: Connection) -> None:
    """Be one of several processes."""
    try:
        load_share(task, share, of, connection.send)
    except StartupError as error:
        connection.send(str(error))
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(1)  # whoever started this one has said what is to be said
