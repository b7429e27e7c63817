"""A service is there soon and takes little: loosely, for machines differ and others run beside."""

import os
from pathlib import Path

from corner_shop import question
from running_service import Client, Service, service

from nextbest_service.catalogs import find_catalog

CPU_SECONDS = 12.0  # 3 to 4, on a busy machine more; the first start on a machine has others compile
MEGABYTES = 300.0
ONLY_FOR_TRAINING = ("pandas", "pyarrow", "scikit_learn", "sklearn")


def megabytes(running: Service) -> float:
    """Return the resident memory of a service."""
    pages = Path(f"/proc/{running.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_a_service_with_1198_actions_starts_soon_and_takes_little(tmp_path: Path) -> None:
    """The first start compiles, where nobody has served here before; the second one counts."""
    for _ in range(2):
        with service(tmp_path, catalog=find_catalog("grocery")) as running:
            stat = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
            assert running.events("ready")[0]["actions"] == 1198
            assert megabytes(running) < MEGABYTES
            assert running.stop() == 0
    assert (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") < CPU_SECONDS


def test_a_serving_process_leaves_alone_what_only_training_needs(shop_model: Path, tmp_path: Path) -> None:
    """One of its own: what the session's service has taken depends on who asked it before."""
    with service(tmp_path, "--model", str(shop_model), "--store-timeout-ms", "5000") as running:
        client = Client(running.address)
        assert client.decide(question()).placements
        client.close()
        loaded = Path(f"/proc/{running.process.pid}/maps").read_text()
        assert "lightgbm" in loaded
        assert not [name for name in ONLY_FOR_TRAINING if f"/{name}/" in loaded]
        assert megabytes(running) < MEGABYTES
