"""Which tests run together in one process, and what is begun first, where a run is spread over several."""

from typing import Any

from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/e2e/stories/", "tests/integration/models/", "tests/judging/")
"""Directories whose files share a world or a data set that takes long to make."""
LONGEST = (
    "tests/e2e/test_demo.py",
    "tests/integration/models/",
    "tests/mutants/test_every_rule_of_bank_matters.py",
    "tests/e2e/test_simulate_world.py",
    "tests/chaos/matrix/test_faults_of_the_store.py",
    "tests/chaos/matrix/test_faults_of_processes.py",
    "tests/chaos/matrix/test_faults_of_failovers.py",
    "tests/integration/test_several_workers.py",
    "tests/integration/test_standard_work.py",
    "tests/integration/test_load_with_locust.py",
    "tests/e2e/stories/",
    "tests/judging/",
    "tests/fuzzing/test_fuzz_of_every_rpc.py",
    "tests/chaos/test_any_history.py",
    "tests/chaos/test_caps_hold.py",
    "tests/integration/test_bank_stories_over_grpc.py",
    "tests/integration/test_start_and_stop.py",
    "tests/integration/test_metrics_over_http.py",
    "tests/integration/test_supervision.py",
)
"""What would keep one process busy when all others are done, the longest first."""


class LongestFirst(LoadFileScheduling):
    """Gives each process whole files, or directories, and begins with those that take longest."""

    def _split_scope(self, nodeid: str) -> str:
        together = (directory for directory in TOGETHER if nodeid.startswith(directory))
        return next(together, None) or super()._split_scope(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        longest = next((scope for scope in LONGEST if scope in self.workqueue), None)
        if longest is not None:
            self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)
