"""Records that earlier versions wrote are read for good."""

import json
from pathlib import Path

import pytest

from nextbest_service.decision_log.entries import Entry, Kind
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.logged_decision import read_decision
from nextbest_service.decision_log.plain import plain_decision

RECORDS = sorted(Path(__file__).parent.glob("decision-*.hex"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_of_an_earlier_version_says_what_it_said(path: Path) -> None:
    id_, customer, body, blob = (bytes.fromhex(line) for line in path.read_text().split())
    legend = Legend.from_blob(blob)
    told = plain_decision(read_decision(Entry(Kind.DECISION, id_, customer, body), legend))
    agreed = json.loads(path.with_suffix(".json").read_text())
    assert _without_later(told, agreed) == agreed


def _without_later(told: object, agreed: object) -> object:
    """Return what is told without the names that versions since have added."""
    match told, agreed:
        case dict(), dict():
            return {name: _without_later(told[name], agreed[name]) for name in agreed}
        case list(), list() if len(told) == len(agreed):
            return [_without_later(one, two) for one, two in zip(told, agreed, strict=True)]
        case _:
            return told


def test_what_an_earlier_version_did_not_keep_is_not_known() -> None:
    id_, customer, body, blob = (bytes.fromhex(line) for line in RECORDS[0].read_text().split())
    decision = read_decision(Entry(Kind.DECISION, id_, customer, body), Legend.from_blob(blob))
    assert decision.counters is None
    assert decision.legend.action_side == ""
    assert set(decision.competition.maturity.tolist()) == {0}
