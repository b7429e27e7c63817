"""The standard work is what it says, and the hand-written server gives the same answers. Real parts."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from benchmarks.handwritten import exporting
from benchmarks.load.processes import Cores, nextbest, python_server
from benchmarks.load.running import recorded
from benchmarks.standard_work import RESERVING_PLACEMENT, Size, StandardWork, build
from nextbest.v1 import decision_pb2, proposition_pb2
from nextbest_rules import load_catalog
from nextbest_service.store.where import store_url

FROZEN = ("--freeze-clock", "--store-timeout-ms", "5000")
SMALL = Size(weeks_ago=(0, 12), households=30, trees=6, learn_from_one_in=3)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> StandardWork:
    return build(tmp_path_factory.mktemp("standard-work") / "home", size=SMALL)


@pytest.fixture(scope="module")
def both(work: StandardWork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[bytes]]]:
    """The answers of both servers to all questions, on a clock that stands still."""
    copy, cores = work.copied(tmp_path_factory.mktemp("served") / "home"), Cores.of_machine()
    clock = load_catalog(work.catalog).clock_ms
    log, module, questions = copy.root / "hand.log", "benchmarks.handwritten.server", work.requests()
    with ExitStack() as stack:
        url = stack.enter_context(store_url(copy.home, None))
        ours = stack.enter_context(nextbest(copy.root, copy.catalog, url, cores, *FROZEN))
        document = [str(copy.root / exporting.FILE), url, str(clock), "--freeze-clock"]
        hand = stack.enter_context(python_server("hand", module, document, ours.method, cores, log))
        yield {
            "nextbest": recorded(ours, questions),
            "handwritten": recorded(hand, questions),
            "reserving": recorded(ours, work.requests(RESERVING_PLACEMENT)[:5]),
        }


def test_rules_leave_about_a_hundred_of_all_actions_to_every_customer(work: StandardWork) -> None:
    candidates = work.figures.decisions.candidates
    assert 80 <= candidates.least <= candidates.mean <= candidates.most <= 120
    assert candidates.least < candidates.most  # not the same ones for everybody
    assert (work.figures.actions, work.figures.customers) == (1_197, 60)


def test_it_has_the_features_the_leaves_and_the_contacts_that_it_says(work: StandardWork) -> None:
    figures = work.figures
    assert (figures.features, figures.pair_features, figures.contacts) == (40, 13, 20)
    assert (figures.model.trees, figures.model.leaves.least, figures.model.leaves.most) == (6, 31, 31)
    assert figures.model.scorer == "exact"
    assert figures.decisions.propositions.least == 3


def test_what_stands_there_already_is_not_built_again(work: StandardWork) -> None:
    before = (work.root / "standard-work.json").stat().st_mtime_ns
    assert build(work.root, size=SMALL) == work
    assert (work.root / "standard-work.json").stat().st_mtime_ns == before


def test_the_hand_written_server_gives_the_same_propositions(both: dict[str, list[bytes]]) -> None:
    pairs = zip(both["nextbest"], both["handwritten"], strict=True)
    for ours, theirs in ((shown(one), shown(other)) for one, other in pairs):
        assert len(ours) == 3
        assert [plain(it) for it in ours] == [plain(it) for it in theirs]
        assert [it.propensity for it in theirs] == pytest.approx([it.propensity for it in ours], rel=1e-12)
        assert [it.priority for it in theirs] == pytest.approx([it.priority for it in ours], rel=1e-12)
        assert all(it.token for it in (*ours, *theirs))


def test_customers_get_different_answers(both: dict[str, list[bytes]]) -> None:
    assert len({tuple(it.action_id for it in shown(answer)) for answer in both["nextbest"]}) > 20


def test_some_answers_have_parameters_and_some_fit_the_moment_better(both: dict[str, list[bytes]]) -> None:
    every = [it for answer in both["nextbest"] for it in shown(answer)]
    assert any(it.parameters for it in every)
    assert {it.context_weight for it in every} <= {1.0, 1.3}


def test_only_the_app_reserves(both: dict[str, list[bytes]]) -> None:
    read = decision_pb2.DecideResponse.FromString
    assert all(read(it).placements[0].propositions for it in both["reserving"])
    assert all(read(it).timing.reserve_us > 0 for it in both["reserving"])


def shown(answer: bytes) -> list[proposition_pb2.Proposition]:
    found = decision_pb2.DecideResponse.FromString(answer)
    assert not found.degraded
    return list(found.placements[0].propositions)


def plain(proposition: proposition_pb2.Proposition) -> tuple[object, ...]:
    """Return all of a proposition but floats that are compared apart, and what is random."""
    parameters = {name: it.double_value for name, it in proposition.parameters.items()}
    return (
        proposition.action_id,
        proposition.rank,
        proposition.issue,
        proposition.group,
        proposition.treatment_id,
        json.loads(proposition.content_json),
        parameters,
        proposition.expires_at_unix_ms,
        proposition.maturity,
        proposition.selection_type,
        proposition.channel,
        proposition.value,
        proposition.context_weight,
    )
