"""Models are judged by real decisions of a world whose truth is known."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import served_world
from deciding import MINUTE_MS, NOW_MS
from judged_shop import DECISIONS, Shop

from nextbest_models.card import moment_text
from nextbest_models.judging.gates import Gates
from nextbest_models.judging.judgement import Judgement
from nextbest_models.judging.slots import CANDIDATE, CANDIDATE_GREEDY, SERVING, Reward
from nextbest_models.offpolicy import GREEDY, Doubt, Estimator
from nextbest_rules import load_catalog
from nextbest_service.judging.evaluating import NOT_SAMPLED, OTHER_TIME, TOO_YOUNG, evaluate_models
from nextbest_service.judging.question import JudgingError, Question
from nextbest_service.store.connection import SyncClient

NO_GATES = Gates()
HONEST = (Estimator.IPS, Estimator.SNIPS, Estimator.DR, Estimator.SWITCH_DR)


@pytest.fixture(scope="module")
def judgement(shop: Shop) -> Judgement:
    """The good model judged against the wrong one, which served."""
    return evaluate_models(Question(shop.good, shop.wrong, shop.log), shop.catalog, Gates(0.6, 0.0))


def middle() -> datetime:
    """Return a time when half of the decisions were made."""
    return datetime.fromtimestamp((NOW_MS + (DECISIONS // 2 + 1) * MINUTE_MS) / 1000, tz=UTC)


@pytest.mark.parametrize("seed", range(2, 5))
def test_intervals_hold_what_the_policies_really_earn(shop: Shop, tmp_path: Path, seed: int) -> None:
    log = served_world.with_outcomes(shop.world, shop.who, shop.decisions, tmp_path, seed)
    verdict = evaluate_models(Question(shop.good, shop.wrong, log), shop.catalog, NO_GATES).verdict
    good, wrong = shop.ranker(shop.good), shop.ranker(shop.wrong)
    truth = {
        CANDIDATE: served_world.true_value(shop.world, good),
        SERVING: served_world.true_value(shop.world, wrong),
    }
    for policy, value in truth.items():
        for estimator in HONEST:
            found = verdict.policies[policy].estimates[estimator].total
            assert found.low < value < found.high, (policy, estimator)
    for estimator in HONEST:
        found = verdict.lifts[CANDIDATE][estimator]
        assert found.low < truth[CANDIDATE] - truth[SERVING] < found.high


def test_a_policy_that_tries_nothing_is_judged_with_a_word_of_caution(
    shop: Shop, judgement: Judgement
) -> None:
    """The log shows what it would do too rarely, above all at the second place."""
    greedy = judgement.verdict.policies[CANDIDATE_GREEDY]
    assert Doubt.THIN in {caution.doubt for caution in greedy.cautions}
    truth = served_world.true_value(shop.world, shop.ranker(shop.good), GREEDY)
    first = greedy.estimates[Estimator.IPS].total
    assert first.low < truth < first.high
    assert (
        greedy.support[2].effective_slots < judgement.verdict.policies[CANDIDATE].support[2].effective_slots
    )


def test_all_decisions_are_found_again_with_their_probabilities(judgement: Judgement) -> None:
    assert judgement.decisions == DECISIONS
    assert judgement.left_out == {}
    assert judgement.cautions == ()
    serving = judgement.verdict.policies[SERVING]
    # The serving model filled these very slots: its policy is the logged one.
    assert serving.estimates[Estimator.IPS].total == serving.served.total
    assert [item.mean_weight for item in serving.support.values()] == pytest.approx([1.0, 1.0], abs=1e-6)


def test_a_better_model_meets_the_gates_and_a_worse_one_does_not(shop: Shop, judgement: Judgement) -> None:
    assert judgement.gates.met
    worse = evaluate_models(Question(shop.wrong, shop.good, shop.log), shop.catalog, Gates(0.6, 0.0))
    assert {name: gate.met for name, gate in worse.gates.gates.items()} == {
        "auc": False,
        "dr_lift_low": False,
    }
    assert not worse.gates.met
    assert worse.lift.value == pytest.approx(-judgement.lift.value)


def test_the_gate_of_lift_asks_for_the_lower_end_of_the_interval(shop: Shop, judgement: Judgement) -> None:
    least = (judgement.lift.low + judgement.lift.value) / 2
    asked = evaluate_models(Question(shop.good, shop.wrong, shop.log), shop.catalog, Gates(None, least))
    assert not asked.gates.met
    assert asked.gates.gates["dr_lift_low"].found == judgement.lift.low


def test_a_model_that_ranks_better_has_the_higher_auc_and_comes_true(judgement: Judgement) -> None:
    good, wrong = (judgement.verdict.models[name] for name in (CANDIDATE, SERVING))
    assert good.metrics.auc > 0.65
    assert wrong.metrics.auc < 0.4
    assert good.calibration_error < 0.15 < wrong.calibration_error
    assert good.metrics.rows == wrong.metrics.rows == DECISIONS * served_world.SHAPE.ranks


def test_without_a_serving_model_the_lift_is_over_what_was_served(shop: Shop, judgement: Judgement) -> None:
    alone = evaluate_models(Question(shop.good, None, shop.log), shop.catalog, NO_GATES)
    assert set(alone.verdict.models) == {CANDIDATE}
    estimates = alone.verdict.policies[CANDIDATE].estimates
    assert alone.lift == estimates[Estimator.DR].uplift
    served = judgement.verdict.policies[SERVING].served.total.value
    assert alone.lift.value == pytest.approx(estimates[Estimator.DR].total.value - served)


def test_rewards_are_values_successes_or_amounts(shop: Shop, judgement: Judgement) -> None:
    question = Question(shop.good, shop.wrong, shop.log)
    served = {
        reward: evaluate_models(replace(question, reward=reward), shop.catalog, NO_GATES)
        .verdict.policies[SERVING]
        .served.total.value
        for reward in Reward
    }
    assert served[Reward.AMOUNT] == pytest.approx(2.5 * served[Reward.OUTCOME])
    assert served[Reward.VALUE] == judgement.verdict.policies[SERVING].served.total.value
    assert served[Reward.VALUE] != pytest.approx(served[Reward.OUTCOME], rel=0.01)


def test_decisions_of_the_training_period_are_left_out_unless_asked_for(shop: Shop, tmp_path: Path) -> None:
    learned_later = relearned(shop, tmp_path, middle())
    judged = evaluate_models(Question(learned_later, None, shop.log), shop.catalog, NO_GATES)
    assert judged.left_out == {OTHER_TIME: DECISIONS // 2}
    assert judged.first >= middle()
    assert judged.cautions == ()
    early = replace(Question(learned_later, None, shop.log), since=middle() - timedelta(hours=1))
    (caution,) = evaluate_models(early, shop.catalog, NO_GATES).cautions
    assert caution.startswith("the candidate learned from decisions until 2024-03-15")


def test_a_model_that_does_not_tell_when_it_learned_is_a_caution(shop: Shop, tmp_path: Path) -> None:
    silent = relearned(shop, tmp_path, None)
    (caution,) = evaluate_models(Question(silent, None, shop.log), shop.catalog, NO_GATES).cautions
    assert "does not tell when its training data ended" in caution


def test_where_nothing_is_later_than_the_training_the_error_says_so(shop: Shop, tmp_path: Path) -> None:
    from_the_future = relearned(shop, tmp_path, middle() + timedelta(days=30))
    with pytest.raises(JudgingError, match=r"outside the period\)\. The candidate learned from what came"):
        evaluate_models(Question(from_the_future, None, shop.log), shop.catalog, NO_GATES)


def test_decisions_whose_outcomes_may_still_come_are_left_out(shop: Shop) -> None:
    question = Question(shop.good, shop.wrong, shop.log)
    # The log ends 8 days and a second after the last decision.
    window = 8.0 + (DECISIONS // 2 * MINUTE_MS + 2000) / served_world.DAY_MS
    patient = replace(question, attribution=question.attribution.model_copy(update={"window_days": window}))
    judged = evaluate_models(patient, shop.catalog, NO_GATES)
    assert judged.left_out == {TOO_YOUNG: DECISIONS // 2 + 1}


def test_a_log_without_outcomes_is_an_error(shop: Shop) -> None:
    question = Question(shop.good, shop.wrong, shop.decisions)
    short = question.attribution.model_copy(update={"window_days": 0.01})
    with pytest.raises(JudgingError, match="nothing positive came of any decision"):
        evaluate_models(replace(question, attribution=short), shop.catalog, NO_GATES)


def test_of_many_decisions_a_sample_is_judged_the_same_one_every_time(shop: Shop) -> None:
    question = Question(shop.good, shop.wrong, shop.log, most=200)
    one, two = (evaluate_models(question, shop.catalog, NO_GATES) for _ in range(2))
    assert one == two
    assert 150 < one.decisions < 250
    assert one.left_out == {NOT_SAMPLED: DECISIONS - one.decisions}


@pytest.mark.parametrize(
    ("declared", "instead", "why"),
    [
        ("share: 0.5", "share: 0.4", "a logged probability is not the one that the catalog leads to"),
        ("id: home", "id: porch", "a placement is not in the catalog any more"),
        (
            "direction: INBOUND",
            "direction: INBOUND\n  accepts: [SERVICE]",
            "was offered where nothing was open",
        ),
    ],
)
def test_decisions_that_the_catalog_does_not_lead_to_are_left_out(
    shop: Shop, tmp_path: Path, declared: str, instead: str, why: str
) -> None:
    changed = Path(shutil.copytree(shop.directory, tmp_path / "catalog"))
    text = (changed / "placements.yaml").read_text()
    assert declared in text
    (changed / "placements.yaml").write_text(text.replace(declared, instead))
    with pytest.raises(JudgingError, match=why):
        evaluate_models(Question(shop.good, shop.wrong, shop.log), load_catalog(changed), NO_GATES)


def test_what_thompson_tried_is_found_again_by_the_experience_of_the_model_that_served(
    shop: Shop, valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    """The candidate has seen ten times as much, so it tries less of what is worse."""
    directory = served_world.write_catalog(shop.world, tmp_path / "catalog", served_world.THOMPSON)
    catalog = load_catalog(directory)
    served_by = shop.ranker(shop.wrong)
    who = served_world.serve(valkey_url, valkey, shop.world, directory, served_by, 60, seed=1)
    log = served_world.with_outcomes(
        shop.world, who, served_world.export(valkey, tmp_path / "served"), tmp_path / "log", seed=1
    )
    judged = evaluate_models(Question(shop.good, shop.wrong, log), catalog, NO_GATES)
    assert (judged.decisions, judged.left_out) == (60, {})
    served = judged.verdict.policies[SERVING]
    assert [it.mean_weight for it in served.support.values()] == pytest.approx([1.0, 1.0], abs=1e-3)
    lost = Path(shutil.copytree(shop.good, tmp_path / "models" / shop.good.name))
    with pytest.raises(JudgingError, match="60: a logged probability is not the one"):
        evaluate_models(Question(lost, None, log), catalog, NO_GATES)


def test_what_is_worth_nothing_is_open_to_nobody(
    shop: Shop, valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    worthless = replace(shop.world, value=np.where(np.arange(len(shop.world.value)) < 2, 0.0, 1.0))
    directory = served_world.write_catalog(worthless, tmp_path / "catalog")
    who = served_world.serve(valkey_url, valkey, worthless, directory, shop.ranker(shop.wrong), 40, seed=1)
    log = served_world.with_outcomes(
        worthless, who, served_world.export(valkey, tmp_path / "served"), tmp_path / "log", seed=1
    )
    judged = evaluate_models(Question(shop.good, shop.wrong, log), load_catalog(directory), NO_GATES)
    assert (judged.decisions, judged.left_out) == (40, {})


def test_another_placement_has_nothing_to_judge(shop: Shop) -> None:
    question = Question(shop.good, shop.wrong, shop.log, placement="elsewhere")
    with pytest.raises(JudgingError, match=f"{DECISIONS}: nothing was offered"):
        evaluate_models(question, shop.catalog, NO_GATES)


def relearned(shop: Shop, root: Path, until: datetime | None) -> Path:
    """Return the good model, saying that it learned until another time."""
    directory = root / "models" / shop.good.name
    directory.mkdir(parents=True)
    for file in shop.good.iterdir():
        text = file.read_text()
        told = f'"{moment_text(round(until.timestamp() * 1000))}"' if until else "null"
        (directory / file.name).write_text(text.replace(f'"{moment_text(NOW_MS)}"', told))
    return directory


def test_intervals_are_by_person(shop: Shop, judgement: Judgement) -> None:
    persons = len({*shop.who.values()})
    assert {found.clusters for found in judgement.verdict.policies.values()} == {persons}
    assert persons < DECISIONS
    assert np.isfinite(judgement.lift.low)
