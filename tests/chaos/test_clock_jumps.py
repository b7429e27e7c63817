"""A server's clock jumps. Caps do not care: the store's clock is everybody's clock."""

from pathlib import Path

import pytest
from running_service import service
from service_calls import Calls, identity, outcome
from store_process import store_process

from nextbest.v1 import decision_pb2

JUMPS = [-3_600, 3_600, 8 * 86_400]  # seconds


def offered(calls: Calls, customer: str) -> str:
    """Return what a customer is shown, and report that it was."""
    answer = calls.decide(
        decision_pb2.DecideRequest(
            identities=[identity("customer", customer)], placements=[decision_pb2.PlacementRequest(id="home")]
        )
    )
    (shown,) = answer.placements[0].propositions
    calls.report(outcome(shown.token, "DISPLAYED"))
    return shown.action_id


def test_caps_hold_whatever_a_server_believes_the_time_to_be(
    three_each: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift = tmp_path / "shift"
    shift.write_text("0")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "jumping_clock"))
    monkeypatch.setenv("JUMPING_CLOCK_FILE", str(shift))
    with (
        store_process(tmp_path / "store") as store,
        service(
            tmp_path / "home", "--redis-url", store.url, "--store-timeout-ms", "5000", catalog=three_each
        ) as running,
    ):
        assert int(shift.with_suffix(".pid").read_text()) == running.process.pid
        calls = Calls(running.address)
        for jump in JUMPS:
            shift.write_text("0")
            shown = [offered(calls, str(jump)) for _ in range(2)]
            shift.write_text(str(jump))
            shown += [offered(calls, str(jump)) for _ in range(8)]
            assert shown == ["best"] * 3 + ["second"] * 3 + ["third"] * 3 + ["note"], jump
        calls.close()
