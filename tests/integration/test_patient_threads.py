"""gRPC's threads wait for the loop: they run in turns that interrupt nobody."""

import os
import sys
from pathlib import Path

import pytest
from corner_shop import question
from running_service import Client, Service


@pytest.mark.skipif(sys.platform != "linux", reason="threads have policies on Linux only")
def test_only_the_thread_of_the_loop_interrupts_others(client: Client, shop: Service) -> None:
    for _ in range(20):
        assert client.decide(question()).placements
    threads = {int(path.name) for path in Path(f"/proc/{shop.process.pid}/task").iterdir()}
    policies = {number: os.sched_getscheduler(number) for number in threads}
    assert policies.pop(shop.process.pid) == os.SCHED_OTHER
    assert policies
    eager = {
        Path(f"/proc/{shop.process.pid}/task/{it}/comm").read_text()
        for it, how in policies.items()
        if how != os.SCHED_BATCH
    }
    assert eager == set()
