"""Somebody is forgotten: no file of the store and no exported file knows the person any more."""

import base64
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet
import redis
from running_service import Service, service
from service_calls import Calls, event, identity, item, outcome, values

from nextbest.v1 import decision_pb2, identity_pb2, profile_pb2
from nextbest_service.home import Home
from nextbest_service.store.keys import Identity, Ref
from nextbest_service.store.secret import read_key_ring

NAMES = [("customer", "canary-4711"), ("cookie", "canary-cookie-0815"), ("device", "canary-device-33")]
NEIGHBOUR = ("customer", "neighbour-1234")
PATIENCE_SECONDS = 20.0


def lives(calls: Calls, names: Sequence[tuple[str, str]]) -> None:
    """Leave every kind of trace."""
    who = [identity(*name) for name in names]
    now_ms = time.time_ns() // 1_000_000
    if len(who) > 1:
        calls.link(*who)
    yes = profile_pb2.Consent(purpose="marketing", state=profile_pb2.CONSENT_STATE_GRANTED)
    calls.upsert(
        profile_pb2.Profile(identities=who[:1], attributes=values({"tag": names[0][1]}), consents=[yes])
    )
    for name in who:
        calls.track(event(name, "order.placed", now_ms, subject=name.id, items=[item(name.id, amount=1.0)]))
        calls.track(
            event(name, "ticket.opened", now_ms, subject=name.id, properties=values({"kind": name.id}))
        )
        shown = calls.decide(question(name))
        calls.report(outcome(shown.placements[0].propositions[0].token, "DISPLAYED"))


def question(name: identity_pb2.Identity) -> decision_pb2.DecideRequest:
    return decision_pb2.DecideRequest(
        request_id=f"about-{name.id}",
        identities=[name],
        placements=[decision_pb2.PlacementRequest(id="home")],
        audit_mode=decision_pb2.AUDIT_MODE_REQUIRED,
    )


def export_log(home: Path, directory: Path) -> None:
    """Export the decision log as analysts do."""
    command = [sys.executable, "-m", "nextbest_service", "log", "export", "--home", str(home), "--to"]
    subprocess.run([*command, str(directory)], check=True, capture_output=True, timeout=60)


def traces(home: Path, exported: Path, needles: Sequence[bytes]) -> set[str]:
    """Return the files of the store and of the export in which any of the needles stands."""
    stored = {
        str(path.relative_to(home))
        for path in Home(home).valkey.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    }
    told = {
        path.name
        for path in exported.rglob("*.parquet")
        if any(needle in text for text in texts_of(path) for needle in needles)
    }
    return stored | told


def texts_of(path: Path) -> Iterator[bytes]:
    """Yield every text and every byte string of a Parquet file, however deep."""
    yield from _texts(pyarrow.parquet.read_table(path).to_pylist())


def _texts(value: Any) -> Iterator[bytes]:
    match value:
        case str():
            yield value.encode()
        case bytes():
            yield value
        case dict():
            yield from (text for item in value.items() for text in _texts(item))
        case list() | tuple():
            yield from (text for item in value for text in _texts(item))


def needles_of(url: str, names: Sequence[tuple[str, str]]) -> list[bytes]:
    """Return what gives somebody away: ids, and their pseudonyms as bytes, base64 and hex."""
    with redis.Redis.from_url(url) as client:
        ring = read_key_ring(client)
    refs = [ring.ref(Identity(*name)) for name in names]
    return [form for ref in refs for form in forms_of(ref)] + [name[1].encode() for name in names]


def forms_of(ref: Ref) -> list[bytes]:
    return [ref, base64.urlsafe_b64encode(ref), base64.b64encode(ref), ref.hex().encode()]


def test_no_file_knows_somebody_who_was_erased(three_each: Path, tmp_path: Path) -> None:
    home, exported = tmp_path / "home", tmp_path / "exported"
    with service(home, "--store-timeout-ms", "5000", catalog=three_each) as running:
        calls = Calls(running.address)
        url = f"unix://{Home(home).valkey / 'valkey.sock'}"
        lives(calls, NAMES)
        lives(calls, [NEIGHBOUR])
        export_log(home, exported)
        needles, neighbour = needles_of(url, NAMES), needles_of(url, [NEIGHBOUR])
        write_snapshot(url)
        assert {Path(name).suffix for name in traces(home, exported, needles)} >= {".aof", ".rdb", ".parquet"}

        erasure = calls.erase(identity(*NAMES[1]))
        assert erasure.found
        export_log(home, exported)
        write_snapshot(url)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while traces(home, exported, needles) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert traces(home, exported, needles) == set()
        assert traces(home, exported, neighbour)
        calls.close()
        stopped_cleanly(running)
        assert traces(home, exported, needles) == set()


def write_snapshot(url: str) -> None:
    """Let the store write all it knows into one file."""
    with redis.Redis.from_url(url) as client:
        while not client.save():
            time.sleep(0.05)


def stopped_cleanly(running: Service) -> None:
    assert running.stop() == 0, running.log()
    assert not [line for line in running.log().splitlines() if "canary" in line]
