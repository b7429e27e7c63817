"""What `nextbest experiments report` makes of the exported log."""

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from corner_shop import DIRECTORY, open_for_business, spec, train_model
from deciding import NOW_MS, HandClock, ask, deciding, question
from test_log_export import export

from nextbest.v1 import decision_pb2
from nextbest_models.artifact import load
from nextbest_rules.assignment import CHAMPION
from nextbest_service.cli.app import main
from nextbest_service.decision_log.outcomes import LoggedOutcome
from nextbest_service.decisions.decider import Decider
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity
from nextbest_service.store.links import Links

PEOPLE = 120
EXPERIMENTS = """
experiments:
  - {id: sound, arms: [{id: control, share: 0.5}, {id: better, share: 0.5}]}
  - {id: idle, arms: [{id: one, share: 0.5}, {id: other, share: 0.5}]}
shadows: [{ranker: challenger}]
"""
DAY_MS = 86_400_000


@pytest.fixture
def log(valkey_url: str, valkey: SyncClient, tmp_path: Path) -> Path:
    """An export in which the arm `better` is better: 70 of its 100 people click twice, of the control's 20.

    Every third person asks under two names.
    """
    open_for_business(valkey)
    catalog = Path(shutil.copytree(DIRECTORY, tmp_path / "catalog"))
    (catalog / "experiments.yaml").write_text(EXPERIMENTS)
    model = load(train_model(tmp_path / "models"), spec())

    async def work() -> None:
        clock = HandClock()
        async with deciding(
            valkey_url, clock, catalog, ranker={CHAMPION: model, "challenger": model}
        ) as decider:
            for number in range(PEOPLE):
                await _visits(decider, number)
            clock.time_ms += 8 * DAY_MS
            await ask(decider, question(of=Identity("customer", "too late")))
            request = question(of=Identity("customer", "gets nothing"))
            actions = (action.id for action in decider.generation.catalog.actions)
            request.placements[0].excluded_action_ids.extend(actions)
            await ask(decider, request)

    asyncio.run(work())
    directory = tmp_path / "log"
    export(directory, valkey, step=50)
    return directory


async def _visits(decider: Decider, number: int) -> None:
    cookie, customer = Identity("cookie", str(number)), Identity("customer", str(number))
    answers = [await ask(decider, question(of=cookie))]
    if number % 3 == 0:
        await Links(decider.people).link([cookie, customer], "login", None)
        answers.append(await ask(decider, question(of=customer)))
    else:
        answers.append(await ask(decider, question(of=cookie)))
    clicks = number % 10 < (7 if _arm(answers[0], "sound") == "better" else 2)
    for answer in answers:
        await decider.log.record_outcomes([*_outcomes(answer, clicks)])


def _outcomes(answer: decision_pb2.DecideResponse, clicks: bool) -> Iterator[LoggedOutcome]:
    first = answer.placements[0].propositions[0]
    for kind in ("DISPLAYED", *(["CLICKED"] if clicks else [])):
        yield LoggedOutcome(
            source="test",
            id=f"{answer.decision_id}/{kind}",
            type=kind,
            at_ms=NOW_MS + 1000,
            received_ms=NOW_MS + 1000,
            decision=answer.decision_id,
            customer=b"x" * 12,
            action=first.action_id,
            placement="home",
            channel="web",
            brand="",
            amount=5.0 if kind == "CLICKED" else 0.0,
        )


def _arm(answer: decision_pb2.DecideResponse, experiment: str) -> str:
    return next(it.arm for it in answer.arms if it.experiment_id == experiment)


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0
) -> tuple[str, str]:
    monkeypatch.setattr(sys, "argv", ["nextbest", "experiments", "report", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or 0) == code
    return capsys.readouterr()


def experiment(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    result: Mapping[str, Any] = next(it for it in found["experiments"] if it["experiment"] == name)
    return result


def test_the_report_compares_arms_person_by_person(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(run(monkeypatch, capsys, str(log), "--json")[0])
    control, better = experiment(found, "sound")["arms"]
    assert (control["arm"], better["arm"]) == ("control", "better")
    assert control["people"] + better["people"] == PEOPLE  # two names of a person are one
    assert control["decisions"] + better["decisions"] == 2 * PEOPLE  # the two that are too young are left out
    assert found["too_young"] == 2
    assert control["more_positives"] is None
    assert better["positives"]["value"] == pytest.approx(1.4, abs=0.6)
    assert control["positives"]["value"] == pytest.approx(0.4, abs=0.6)
    difference = better["more_positives"]
    assert difference["value"] == pytest.approx(better["positives"]["value"] - control["positives"]["value"])
    assert 0.0 < difference["low"] < difference["value"] < difference["high"]
    assert better["reward"]["value"] == pytest.approx(5 * better["positives"]["value"])
    assert experiment(found, "sound")["moved"] == 0
    assert [arm["arm"] for arm in experiment(found, "idle")["arms"]] in (["one", "other"], ["other", "one"])


def test_the_report_tells_how_far_a_model_that_looked_on_agrees(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (shadow,) = json.loads(run(monkeypatch, capsys, str(log), "--json")[0])["shadows"]
    assert (shadow["ranker"], shadow["decisions"]) == ("challenger", 2 * PEOPLE + 1)
    assert (shadow["same_first"], shadow["difference"], shadow["rank_correlation"]) == (
        1.0,
        0.0,
        pytest.approx(1.0),
    )


def test_the_report_is_a_table_for_people(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run(monkeypatch, capsys, str(log))[0]
    assert {"sound", "control", "better", "challenger", "100.0%"} <= {*shown.split()}
    assert "more than control" in shown
    assert "2 decisions are too young" in shown
    assert "…" not in shown


def test_a_directory_that_is_no_export_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no exported decisions" in run(monkeypatch, capsys, str(tmp_path), code=2)[1]
