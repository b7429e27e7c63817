"""The real data set through the real code; the data set is read once for all of these."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from nextbest_models.artifact import load
from nextbest_models.assembly import CandidateAssembler
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.complete_journey.catalog_files import render_action_files
from nextbest_models.complete_journey.tables import data_directory
from nextbest_models.dataset import Exposure, build_dataset
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog, Stream, Touches
from nextbest_models.pipeline import TrainingReport, TrainingRun, train
from nextbest_models.progress import silent
from nextbest_models.ranker import EXACT
from nextbest_models.recipe import HistoryRecipe, load_recipe
from nextbest_models.snapshot import SnapshotEngine

ROOT = Path(__file__).parents[3]
ACTIONS = ROOT / "rules/catalogs/grocery/actions"
RECIPE = ROOT / "models/recipes/grocery.toml"


def test_the_data_set_is_the_one_the_design_speaks_of(journey: CompleteJourney) -> None:
    exposures = list(journey.exposures())
    rows = {item.name: len(item.customers) * len(item.actions) for item in exposures}
    positives = {item.name: len(item.positives) for item in exposures}
    early = [item.id for item in journey.campaigns if item.first_day_ms < _day("2017-02-01")]
    late = [item.id for item in journey.campaigns if item.first_day_ms >= _day("2017-09-01")]
    train = [name for name in rows if name not in {*early, *late}]
    assert (len(journey.log.customers), len(journey.offers), sum(rows.values())) == (2_469, 1_197, 800_199)
    assert (sum(map(rows.get, train)), sum(map(positives.get, train))) == (529_152, 1_180)
    assert (sum(map(rows.get, late)), sum(map(positives.get, late))) == (266_353, 873)


def test_the_committed_action_files_are_what_the_data_gives(journey: CompleteJourney) -> None:
    rendered = render_action_files(journey.offers)
    assert {path.name: path.read_text() for path in ACTIONS.glob("campaign-*")} == rendered


def test_facts_hold_what_was_known_at_the_moment_and_no_later_campaign(journey: CompleteJourney) -> None:
    first_day = next(item.first_day_ms for item in journey.campaigns if item.id == "18")
    household = str(next(iter(journey.log.customers[i] for i in _recipients(journey, "18"))))
    assert "18" not in journey.facts(first_day - 1)[household]["campaigns"]
    assert "18" in journey.facts(first_day)[household]["campaigns"]
    assert journey.facts(0)["1"] == {
        "age": "65+",
        "income": "35-49K",
        "home_ownership": "Homeowner",
        "marital_status": "Married",
        "household_size": "2",
        "household_comp": "2 Adults No Kids",
        "kids_count": "0",
        "campaigns": [],
    }


@pytest.mark.parametrize("campaign", ["27", "13", "18"])
def test_later_data_changes_no_feature(
    journey: CompleteJourney, grocery_spec: FeatureSpec, campaign: str
) -> None:
    as_of = next(item.first_day_ms for item in journey.campaigns if item.id == campaign)
    full = SnapshotEngine(grocery_spec, journey.log).snapshot(as_of)
    for changed in (journey.log.before(as_of), _scrambled_from(journey.log, as_of)):
        other = SnapshotEngine(grocery_spec, changed).snapshot(as_of)
        np.testing.assert_array_equal(full.vectors, other.vectors)
        np.testing.assert_array_equal(full.bounds, other.bounds)
        for one, two in zip(full.counters.statistics, other.counters.statistics, strict=True):
            np.testing.assert_array_equal(one, two)


def test_pair_features_are_what_counting_raw_lines_gives(
    journey: CompleteJourney, grocery_spec: FeatureSpec
) -> None:
    """For a few households: every offer of campaign 18, from the Parquet file with plain loops."""
    as_of = _day("2017-10-30")
    offers = [offer for offer in journey.offers if offer.campaign.id == "18"]
    snapshot = SnapshotEngine(grocery_spec, journey.log).snapshot(as_of)
    profiles = [offer.profile for offer in offers]
    assembler = CandidateAssembler(grocery_spec, profiles, journey.log.keys, snapshot.population)
    customers = _recipients(journey, "18")[::250].tolist()
    lines = _raw_lines({int(journey.log.customers[customer]) for customer in customers}, as_of)
    for customer in customers:
        matrix = assembler.assemble(snapshot[customer], {}, np.arange(len(offers)), as_of)
        baskets = lines[int(journey.log.customers[customer])]
        expected = [_counted(baskets, set(offer.products.tolist()), as_of) for offer in offers]
        columns = [grocery_spec.columns.index(f"offer_{name}") for name in ("trips", "spend", "days_since")]
        np.testing.assert_allclose(matrix[:, columns], expected, rtol=1e-12)


def test_customer_features_are_what_counting_raw_lines_gives(
    journey: CompleteJourney, grocery_spec: FeatureSpec
) -> None:
    as_of = _day("2017-10-30")
    snapshot = SnapshotEngine(grocery_spec, journey.log).snapshot(as_of)
    households = {1, 1_029, 2_469}
    for household, baskets in _raw_lines(households, as_of).items():
        vector = snapshot[journey.log.customers.index(str(household))].vector
        values = dict(zip(grocery_spec.customer_names, vector.tolist(), strict=True))
        ages = {basket: (as_of - at) / DAY_MS for basket, (at, _) in baskets.items()}
        spend = sum(
            amount * 0.5 ** (ages[basket] / 60)
            for basket, (_, bought) in baskets.items()
            for _, amount in bought
        )
        assert values["trips_91d"] == sum(age <= 91 for age in ages.values())
        assert values["days_since_trip"] == pytest.approx(min(ages.values()), rel=1e-6)
        assert values["spend_decayed"] == pytest.approx(spend, rel=1e-6)


@pytest.fixture(scope="module")
def report(
    journey: CompleteJourney, grocery_spec: FeatureSpec, tmp_path_factory: pytest.TempPathFactory
) -> TrainingReport:
    """What training on a slice of the data gave."""
    recipe = load_recipe(RECIPE, HistoryRecipe)
    quick = recipe.model_copy(
        update={"lightgbm": recipe.lightgbm.model_copy(update={"trees": 15, "learning_rate": 0.3})}
    )
    return train(
        quick,
        grocery_spec,
        journey.log,
        [offer.profile for offer in journey.offers],
        (_every_fourth(exposure) for exposure in journey.exposures()),
        TrainingRun(tmp_path_factory.mktemp("models"), datetime(2017, 9, 1, tzinfo=UTC), threads=1),
    )


def test_a_slice_trains_from_end_to_end(report: TrainingReport, grocery_spec: FeatureSpec) -> None:
    assert report.auc > 0.88
    assert report.ndcg_at_10 > 0.35
    assert report.test.calibration_error < 0.005
    assert load(report.directory, grocery_spec).version == report.version


def test_the_exact_scorer_gives_lightgbms_scores_of_real_households(
    report: TrainingReport, journey: CompleteJourney, grocery_spec: FeatureSpec
) -> None:
    ranker = load(report.directory, grocery_spec)
    assert ranker.scorer.name == EXACT
    as_of = _day("2017-10-30")
    snapshot = SnapshotEngine(grocery_spec, journey.log).snapshot(as_of)
    profiles = [offer.profile for offer in journey.offers]
    assembler = CandidateAssembler(grocery_spec, profiles, journey.log.keys, snapshot.population)
    candidates, rows = ranker.over(assembler), np.arange(len(profiles))
    for customer in range(0, len(journey.log.customers), 97):
        expected = ranker.propensities(assembler.assemble(snapshot[customer], {}, rows, as_of))
        scores = candidates.propensities(snapshot[customer], {}, rows, as_of)
        np.testing.assert_array_equal(scores, expected)


def test_the_assembler_gives_the_rows_that_training_sees(
    journey: CompleteJourney, grocery_spec: FeatureSpec
) -> None:
    """Serving assembles over the whole catalog, at a row's position; training per campaign. Both agree."""
    profiles = [offer.profile for offer in journey.offers]
    exposure = next(item for item in journey.exposures() if item.name == "19")
    dataset = build_dataset(grocery_spec, journey.log, profiles, [exposure], silent)
    snapshot = SnapshotEngine(grocery_spec, journey.log).snapshot(exposure.as_of_ms)
    assembler = CandidateAssembler(grocery_spec, profiles, journey.log.keys, snapshot.population)
    customer = int(exposure.customers[7])
    everything = assembler.assemble(snapshot[customer], {}, np.arange(len(profiles)), exposure.as_of_ms)
    own = [row for row, profile in enumerate(profiles) if profile.id in exposure.actions]
    size = len(exposure.actions)
    np.testing.assert_array_equal(dataset.matrix[7 * size : 8 * size], everything[own])


def _day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def _recipients(journey: CompleteJourney, campaign: str) -> np.ndarray:
    return next(item.customers for item in journey.exposures() if item.name == campaign)


def _every_fourth(exposure: Exposure) -> Exposure:
    return replace(exposure, customers=exposure.customers[::4])


def _scrambled_from(log: EventLog, as_of_ms: int) -> EventLog:
    """The same log with other customers and values in everything at or after a moment."""
    streams = {name: _scrambled(stream, as_of_ms) for name, stream in log.streams.items()}
    touches = {
        family: Touches(
            _scrambled(item.stream, as_of_ms), np.where(item.stream.times_ms < as_of_ms, item.keys, 0)
        )
        for family, item in log.touches.items()
    }
    return EventLog(log.customers, streams, touches, log.keys)


def _scrambled(stream: Stream, as_of_ms: int) -> Stream:
    past = stream.times_ms < as_of_ms
    values = {name: np.where(past, column, 1e4) for name, column in stream.values.items()}
    return Stream(np.where(past, stream.customers, 0), stream.times_ms, values)


Baskets = dict[int, tuple[int, list[tuple[int, float]]]]


def _raw_lines(households: set[int], as_of_ms: int) -> dict[int, Baskets]:
    """Basket -> (time, [(product, spend)]) of some households, straight from the file."""
    names = ("household_id", "basket_id", "product_id", "sales_value", "transaction_timestamp")
    table = pyarrow.parquet.read_table(
        data_directory() / "transactions.parquet",
        columns=list(names),
        filters=[("household_id", "in", sorted(households))],
    )
    found: dict[int, Baskets] = defaultdict(dict)
    columns = [table[name].to_numpy() for name in names]
    for household, basket, product, spend, at in zip(*columns, strict=True):
        at_ms = int(at.astype("datetime64[ms]").astype(np.int64))
        if at_ms < as_of_ms:
            found[int(household)].setdefault(int(basket), (at_ms, []))[1].append((int(product), float(spend)))
    return found


def _counted(baskets: Baskets, products: set[int], as_of_ms: int) -> list[float]:
    """Trips, spend in steps of 0.1 per trip, and whole days since the last."""
    days, units = [], 0
    for at_ms, bought in baskets.values():
        amounts = [amount for product, amount in bought if product in products]
        if amounts:
            days.append(at_ms // DAY_MS)
            units += int(np.rint(sum(amounts) / 0.1))
    if not days:
        return [np.nan, np.nan, np.nan]
    return [float(len(days)), units * 0.1, float(as_of_ms // DAY_MS - max(days))]
