"""Lines of the log that cannot be written: nobody else has to suffer for it."""

import json
import subprocess
import sys
from pathlib import Path

STORY = """
import resource, sys, structlog
from nextbest_service.logs import LogFormat, LogLevel, configure_logs

configure_logs(LogFormat.JSON, LogLevel.INFO)
log = structlog.get_logger()
log.info("before")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
for number in range(int(sys.argv[1])):
    log.info("meanwhile", number=number, filling="x" * 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
log.info("after")
log.info("later")
"""


def test_lines_that_find_no_room_are_lost_and_told_of_and_nothing_fails(tmp_path: Path) -> None:
    for lines in (1, 1_000):
        target = tmp_path / "log"
        with target.open("wb") as log:
            subprocess.run([sys.executable, "-c", STORY, str(lines)], stderr=log, check=True, timeout=60)
        told = [json.loads(line) for line in target.read_text().splitlines()]
        events = [line["event"] for line in told]
        assert (events[0], events[-2], events[-1]) == ("before", "after", "later")
        assert [line["lines_lost"] for line in told if "lines_lost" in line and line["event"] == "after"] == [
            lines
        ]
        assert "lines_lost" not in told[-1]


def test_a_log_on_a_full_device_does_not_matter() -> None:
    with Path("/dev/full").open("wb") as full:
        story = STORY.replace("resource.setrlimit", "(lambda *_: None)")
        subprocess.run([sys.executable, "-c", story, "10"], stderr=full, check=True, timeout=60)
