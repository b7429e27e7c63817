"""Good and bad reloads while callers ask: every answer is that of one generation, and none fails.

`NEXTBEST_RELOADS=1000 pytest -s tests/reloading/test_reloads_under_load.py` is the long run. Most reloads are
checked in this process, which is quicker; some go the whole way, with a process for each check.
"""

import os
from collections.abc import Callable
from pathlib import Path

import grpc
from changing_shop import BROKEN, CATALOG, DEARER, PLAIN, ChangingShop, changing_shop, resident_bytes
from reloading_in_process import reloading_in_process
from under_load import Asking, quantile, slope

from nextbest.v1 import admin_pb2, admin_pb2_grpc

RELOADS = int(os.environ.get("NEXTBEST_RELOADS", "200"))
WHOLE_WAY = 16
MIB = 1024 * 1024
MOST_MIB = 12.0
WHOLE_WAY_MIB = 64.0  # so few reloads say little of memory
ROW = "row_of_the_table_of_faults"
"""As tests/chaos/matrix knows it."""


def cycled(
    shop: ChangingShop, address: str, reload: Callable[[], bool], reloads: int, pid: int
) -> tuple[Asking, list[float]]:
    """Load good and bad things in turn while callers ask; return what they got, and the memory after each."""
    models = [shop.train(), shop.train(experience=1)]
    features = (shop.catalog / "features.yaml").read_text()
    unfit = features.replace("  - name: days_since_trip", "  - name: days_away")
    texts, asking, memory = [DEARER, PLAIN], Asking(address), list[float]()
    for version, text in ((0, DEARER), (1, DEARER), (1, PLAIN), (0, PLAIN)):
        shop.home.use_model(CATALOG, models[version])
        shop.write(text)
        assert reload()
        asking.learn()
    assert len(set(map(tuple, asking.expected.values()))) == 4
    with asking.going_on():
        for number in range(reloads):
            match number % 4:
                case 0:
                    shop.write(texts[number // 4 % 2])
                case 1:
                    shop.write(BROKEN)
                case 2:
                    shop.write(texts[number // 4 % 2])
                    shop.home.use_model(CATALOG, models[1 - number // 4 % 2])
                case _:
                    shop.write(unfit, "features.yaml")
            assert reload() is (number % 2 == 0)
            shop.write(features, "features.yaml")
            memory.append(resident_bytes(pid) / MIB)
    assert not asking.wrong, asking.wrong[:5]
    assert asking.by_version.keys() == asking.expected.keys()
    return asking, memory


ENOUGH = 100
"""From fewer reloads nothing can be said of a thousand."""


def told(asking: Asking, memory: list[float]) -> str:
    """Return what a run came to."""
    later = memory[len(memory) // 4 :]
    p50, p99 = (1e3 * quantile(asking.seconds, share) for share in (0.5, 0.99))
    return (
        f"\n{len(memory)} reloads, every second one bad; {asking.answered} answers {asking.by_version}, "
        f"{len(asking.wrong)} of them wrong; p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
        f"max {1e3 * max(asking.seconds):.1f} ms; {memory[0]:.1f} MiB after the first reload, "
        f"{later[0]:.1f} after a quarter, {memory[-1]:.1f} in the end"
        + (f", {1000 * slope(later):+.2f} per 1,000" if len(memory) >= ENOUGH else "")
    )


def row(name: str, asking: Asking, memory: list[float], most_mib: float) -> dict[str, object]:
    """Return what a run came to as a row of the table of faults."""
    later = memory[len(memory) // 4 :]
    grown = later[-1] - later[0]
    figures = [
        {"name": "wrong answers", "unit": "", "measured": len(asking.wrong), "most": 0},
        {"name": "memory grown", "unit": "MiB", "measured": round(grown, 3), "most": most_mib},
    ]
    return {
        "fault": name,
        "what": f"{len(memory)} reloads of catalog and model, every second one bad",
        "expected": "every answer is that of one generation, none fails, memory stays flat",
        "seen": told(asking, memory).strip(),
        "passed": not asking.wrong and grown < most_mib,
        "wrong": asking.wrong[:20] if asking.wrong else [f"{grown:.1f} MiB more"] * (grown >= most_mib),
        "figures": figures,
    }


def test_many_reloads_change_no_answer_and_cost_no_memory(
    valkey_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    shop = changing_shop(tmp_path)
    with reloading_in_process(shop, valkey_url) as (address, reload):
        asking, memory = cycled(shop, address, reload, RELOADS, os.getpid())
    record_property(ROW, row("reloads", asking, memory, MOST_MIB))
    print(told(asking, memory))  # noqa: T201 - what the long run is for
    later = memory[len(memory) // 4 :]
    assert later[-1] - later[0] < MOST_MIB


def test_reloads_go_the_whole_way_under_load(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    shop = changing_shop(tmp_path)
    with shop.service("--no-watch", "--admin-port", "0", "--store-timeout-ms", "5000") as running:
        with grpc.insecure_channel(running.wait_for("admin_served")["address"]) as channel:
            admin = admin_pb2_grpc.AdminServiceStub(channel)

            def reload() -> bool:
                return bool(admin.Reload(admin_pb2.ReloadRequest(), timeout=300).swapped)

            asking, memory = cycled(shop, running.address, reload, WHOLE_WAY, running.process.pid)
        assert len(running.events("reload_refused")) == WHOLE_WAY // 2
    record_property(ROW, row("reloads_by_the_service", asking, memory, WHOLE_WAY_MIB))
    print(told(asking, memory))  # noqa: T201
    assert "Traceback" not in running.log()
