"""A server's clock jumps. Caps do not care: the store's clock is everybody's clock."""

from pathlib import Path

import pytest
from running_service import service
from service_calls import Calls, identity, outcome
from store_process import store_process

from nextbest.v1 import decision_pb2

HOUR, DAY = 3_600, 86_400


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


@pytest.mark.parametrize("jump", [-HOUR, HOUR, 8 * DAY])
def test_caps_hold_whatever_a_server_believes_the_time_to_be(
    jump: int, three_each: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift = tmp_path / "shift"
    shift.write_text("0")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "jumping_clock"))
    monkeypatch.setenv("JUMPING_CLOCK_FILE", str(shift))
    with (
        store_process(tmp_path / "store") as store,
        service(tmp_path / "home", "--redis-url", store.url, catalog=three_each) as running,
    ):
        calls = Calls(running.address)
        before = [offered(calls, "1"), offered(calls, "1")]
        assert int(shift.with_suffix(".pid").read_text()) == running.process.pid
        shift.write_text(str(jump))
        after = [offered(calls, "1") for _ in range(8)]
        assert before + after == ["best"] * 3 + ["second"] * 3 + ["third"] * 3 + ["note"]
        calls.close()
