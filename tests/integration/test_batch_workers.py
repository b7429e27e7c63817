"""A batch is the same whoever decides it: this process, others, or the workers of a Dask cluster."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from corner_shop import CUSTOMERS, DIRECTORY
from typer.testing import CliRunner

from nextbest_models.distributed import dask_client
from nextbest_service.batch import run as batch_run
from nextbest_service.cli.app import app
from nextbest_service.store.connection import SyncClient

MOMENT = "2024-03-15T10:00:00Z"
ROWS = 90


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a Dask cluster of two processes."""
    with dask_client("local:2") as client:
        yield client.scheduler.address


def decided(home: Path, url: str, *options: str, name: str) -> tuple[pa.Table, dict[str, object]]:
    """Return what a batch decides in many small parts, and what it reports."""
    customers = home / "customers.csv"
    ids = [*(who.id for who in CUSTOMERS), "a-stranger"]
    rows = [f"{ids[row % len(ids)]},{'recipes' if row % 7 else ''}" for row in range(ROWS)]
    customers.write_text("identities.customer,context.page\n" + "\n".join(rows) + "\n")
    where = ("--home", str(home), "--catalog", str(DIRECTORY), "--redis-url", url, "-p", "home", "--json")
    output = str(home / f"{name}.parquet")
    result = CliRunner().invoke(app, ["decide-batch", str(customers), output, *where, *options])
    assert result.exit_code == 0, (result.output, result.exception)
    return pq.read_table(output), json.loads(result.stdout)


def test_processes_and_dask_workers_plan_what_this_process_plans(
    shop_store: redis.Redis,
    shop_store_url: str,
    shop_model: Path,
    scheduler: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del shop_store
    monkeypatch.setattr(batch_run, "PART_ROWS", 10)
    options = ("--at", MOMENT, "--model", str(shop_model))
    alone, report = decided(tmp_path, shop_store_url, *options, name="alone")
    assert (report["workers"], report["rows"], report["parts"]) == (1, ROWS, ROWS // 10)
    both, report = decided(tmp_path, shop_store_url, *options, "--workers", "2", name="both")
    assert (report["workers"], both.equals(alone)) == (2, True)
    dask, report = decided(tmp_path, shop_store_url, *options, "--dask", scheduler, name="dask")
    assert (report["workers"], dask.equals(alone)) == (2, True)
    assert dask.schema.metadata == alone.schema.metadata


def test_what_dask_workers_commit_holds_for_everybody(
    valkey: SyncClient, valkey_url: str, scheduler: str, tmp_path: Path
) -> None:
    del valkey
    limited = Path(__file__).parents[1] / "catalogs" / "limited"
    customers, output = tmp_path / "customers.parquet", tmp_path / "out.parquet"
    pq.write_table(pa.table({"customer": [f"c{number}" for number in range(12)]}), customers)
    command = ["decide-batch", str(customers), str(output), "-p", "letter", "--commit", "--dask", scheduler]
    where = ["--home", str(tmp_path), "--catalog", str(limited), "--redis-url", valkey_url]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_run, "PART_ROWS", 3)
        result = CliRunner().invoke(app, [*command, *where])
    assert result.exit_code == 0, (result.output, result.exception)
    offered = [it["action"] for row in pq.read_table(output).to_pylist() for it in row["propositions"]]
    assert (offered.count("rare"), len(offered)) == (5, 12)
