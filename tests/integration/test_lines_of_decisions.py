"""Log lines of single decisions: of which ones, what they tell, and whom they do not."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import structlog
from corner_shop import ANNA, STRANGER, question
from running_service import CANARY, Client, Service, service, wait_until

from nextbest_service.api.refusals import defect
from nextbest_service.decisions.decision import Decision, Timing
from nextbest_service.decisions.observing import Spent
from nextbest_service.errors import DecisionFailedError
from nextbest_service.observing.decision_lines import SLOW_LINES, SLOW_SECONDS, DecisionLines
from nextbest_service.observing.limits import Limit
from nextbest_service.store.keys import Identity

IDS = [f"{number:012x}{number * 2654435761 % 2**80:020x}" for number in range(2000)]


def decision(id_: str, person: bytes = b"") -> Any:
    """Return as much of a decision as lines need."""
    request = SimpleNamespace(channel="web", dry_run=False)
    return SimpleNamespace(
        id=id_,
        placements=(),
        degraded=(),
        customer_known=True,
        person=person,
        origin=b"",
        timing=Timing(1, 2, 3, 4, 5),
        basis=SimpleNamespace(request=request),
    )


def spent(milliseconds: int) -> Spent:
    """Return that a decision took so long."""
    return Spent(0, milliseconds * 1_000_000, 7, 8)


def written(lines: DecisionLines, decisions: list[Decision], milliseconds: int = 1) -> list[Any]:
    """Return the log lines of decisions that took so long."""
    with structlog.testing.capture_logs() as captured:
        for one in decisions:
            lines.decided(one, spent(milliseconds))
    return [*captured]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_a_share_of_the_decisions_has_lines_and_always_the_same_ones(share: float) -> None:
    made = [decision(id_) for id_ in IDS]
    first, again = (
        [line["decision_id"] for line in written(DecisionLines(share, 0), made)] for _ in range(2)
    )
    assert first == again
    assert len(first) == pytest.approx(share * len(IDS), abs=40)
    assert share not in {0.0, 1.0} or len(first) == share * len(IDS)


def test_who_is_in_a_larger_share_was_in_the_smaller() -> None:
    made = [decision(id_) for id_ in IDS]
    few, many = (
        {line["decision_id"] for line in written(DecisionLines(share, 0), made)} for share in (0.1, 0.2)
    )
    assert few < many


def test_customers_are_hashed_with_the_key_and_with_nothing_else() -> None:
    def name(key: bytes, person: bytes = b"ref-of-anna") -> str:
        (line,) = written(DecisionLines(1.0, 0, key), [decision(IDS[0], person)])
        return str(line["customer"])

    assert name(b"secret") == name(b"secret") != name(b"another")
    assert name(b"secret") != name(b"secret", b"ref-of-ben")
    assert name(b"") != name(b"")  # another key in each process
    assert name(b"secret", b"") == ""
    assert len(name(b"k" * 500)) == 16


def test_slow_decisions_have_lines_with_their_steps_and_not_too_many() -> None:
    now = 0.0
    lines = DecisionLines(0.0, 50)
    lines._slow = Limit(SLOW_LINES, SLOW_SECONDS, lambda: now)
    assert written(lines, [decision(IDS[0])], 49) == []
    told = written(lines, [decision(id_) for id_ in IDS[:100]], 50)
    assert [line["event"] for line in told] == ["slow_decision"] * SLOW_LINES
    assert told[0]["decision_id"] == IDS[0]
    assert told[0]["read_ms"] == 0.001
    assert told[0]["render_ms"] == 0.007
    assert "unsaid" not in told[0]
    now = SLOW_SECONDS
    (later,) = written(lines, [decision(IDS[7])], 1000)
    assert later["unsaid"] == 100 - SLOW_LINES


def test_a_defect_on_the_way_of_a_decision_is_logged_with_its_id_each_time_and_with_few_tracebacks() -> None:
    with structlog.testing.capture_logs() as captured:
        references = [failed() for _ in range(50)]
    assert [line["reference"] for line in captured] == references
    assert {line["decision_id"] for line in captured} == {"0190"}
    assert sum(bool(line["exc_info"]) for line in captured) <= 10


def failed() -> str:
    """Fail as a decision does, and return the reference that the caller gets."""
    try:
        raise DecisionFailedError("0190") from KeyError(CANARY)  # noqa: TRY301 - as a decision does
    except DecisionFailedError:
        return defect("nextbest.v1.DecisionService.Decide").message.rpartition(" ")[2]


@pytest.fixture(scope="module")
def telling(
    shop_model: Path, shop_store: redis.Redis, shop_store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service that writes a line per decision."""
    del shop_store
    directory = tmp_path_factory.mktemp("telling")
    (directory / "key").write_text("hush\n")
    options = ["--redis-url", shop_store_url, "--model", str(shop_model), "--store-timeout-ms", "2000"]
    options += ["--log-decisions", "1", "--log-decisions-key-file", str(directory / "key")]
    with service(directory, *options, "--slow-decision-ms", "1") as running:
        yield running


def test_a_line_tells_what_the_answer_says_and_nothing_of_the_customer(telling: Service) -> None:
    client = Client(telling.address)
    answers = [
        client.decide(question("home")),
        client.decide(question(of=STRANGER, dry_run=True)),
        # Nobody else has used this id with the store that many tests share: what is repeated has no line.
        client.decide(question(of=Identity("customer", CANARY), request_id=f"{CANARY} in a line")),
        client.decide(question(of=ANNA)),
    ]
    client.close()
    wait_until(lambda: len(telling.events("decision")) >= len(answers))
    lines = {line["decision_id"]: line for line in telling.events("decision")}
    assert lines.keys() == {answer.decision_id for answer in answers}
    first = lines[answers[0].decision_id]
    assert first["placements"] == ["home"]
    offered = [it.action_id for placed in answers[0].placements for it in placed.propositions]
    assert first["actions"] == offered
    assert first["propositions"] == len(offered)
    assert 0 < first["duration_ms"] <= answers[0].timing.total_us / 1000
    assert first["caller"] == ""
    assert first["customer"] == lines[answers[3].decision_id]["customer"] != ""
    assert lines[answers[1].decision_id]["dry_run"]
    assert telling.events("slow_decision")
    log = telling.log()
    assert CANARY not in log
    assert ANNA.id not in log
    assert "hush" not in log
