"""A decision with a hundred candidates takes at most 2 KB of the log, and next to nothing of the answer."""

from collections.abc import Iterator
from functools import cache
from time import perf_counter_ns

import numpy as np
import pytest
import redis

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.population import Population
from nextbest_rules import RuleSet, load_catalog
from nextbest_rules.records import Contact
from nextbest_service.catalogs import find_catalog
from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decision_log.entries import LogFormatError, append
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.logged_decision import read_decision
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.factors import Factors
from nextbest_service.decisions.generation import Generation, catalog_affinity_keys, feature_spec
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found
from nextbest_service.store.keys import DECISION_LOG

CANDIDATES = 100
CONTACTS = 40
KEYS = 216  # the average household's
MOST_BYTES = 2048


@cache
def grocery() -> Generation:
    """Return the shipped catalog of grocery, with every key of theirs in the dictionary."""
    catalog = load_catalog(find_catalog("grocery"))
    keys = AffinityKeys(sorted(catalog_affinity_keys(catalog)))
    return Generation.build(RuleSet.compile(catalog), feature_spec(catalog), keys, Population.unknown(), {})


def counters(random: np.random.Generator) -> AffinityCounters:
    """Return the counters of a busy household."""
    size = grocery().assembler.families[0].table.size
    ids = np.sort(random.choice(size, KEYS, replace=False)).astype(np.uint16)
    counts = random.geometric(0.3, KEYS).astype(np.uint16)
    days = (17_400 - random.geometric(0.02, KEYS)).astype(np.uint16)
    return AffinityCounters(ids, counts, days, (counts * random.gamma(2, 15, KEYS)).astype(np.uint16))


def records(count: int) -> Iterator[DecisionRecord]:
    """Yield records of busy households: figures are random, for a model's figures hardly deflate either."""
    generation, legend, random = grocery(), Legend.of(grocery()), np.random.default_rng(7)
    catalog = generation.catalog
    now_ms = catalog.clock_ms
    assert now_ms is not None
    campaigns = sorted({str(it.attributes["campaign"]) for it in catalog.actions if it.attributes})
    actions = [action.id for action in catalog.actions]
    home = catalog.placements["home"]
    unknown = generation.online.features(generation.online.empty, now_ms)
    for number in range(count):
        vector = random.gamma(2, 9, len(unknown.vector)).astype(np.float32)
        features = unknown._replace(vector=vector, counters=counters(random))
        contacts = tuple(
            Contact(
                actions[random.integers(len(actions))],
                "DISPLAYED",
                now_ms - int(random.integers(7 * 86_400_000)),
                "web",
                decision=random.bytes(16).hex(),
            )
            for _ in range(CONTACTS)
        )
        facts = {
            "campaigns": campaigns,
            "age": "35-44",
            "income": "50-74K",
            "kids_count": "2",
            "household_size": "4",
        }
        customer = Customer(True, features, {}, facts, now_ms, contacts=contacts)
        request = DecisionRequest(
            request_id=random.bytes(8).hex(),
            identities=(),
            placements=(PlacementRequest(home, 5, 0),),
            channel="web",
            brand=catalog.default_brand,
            goal=catalog.default_goal,
            locale="",
            context={},
            candidates=(1 << len(actions)) - 1,
            explain=ExplainLevel.NONE,
            include_content=False,
            allow_duplicates=False,
        )
        watch = Stopwatch()
        watch.lap()
        decision = deliberate(
            generation, request, Reading(customer, {}, {}, Found(()), now_ms), {}, f"{number:032x}", watch
        )
        basis = decision.basis
        kept = np.sort(random.choice(len(basis.factors.rows), CANDIDATES, replace=False))
        figures = Factors.of(
            basis.factors.rows[kept],
            random.beta(1, 30, CANDIDATES),
            basis.factors.value[kept],
            basis.factors.context_weight[kept],
            basis.factors.lever[kept],
            basis.factors.pinned[kept],
            basis.factors.maturity[kept],
            basis.factors.strength[kept],
        )
        yield DecisionRecord(
            decision._replace(basis=basis._replace(factors=figures)), random.bytes(12), legend
        )


def test_a_decision_among_a_hundred_candidates_fits_into_two_kilobytes(valkey: redis.Redis) -> None:
    entries = [record.entry() for record in records(50)]
    for entry in entries:
        valkey.execute_command(*append(entry, 1_000_000))
    assert max(len(entry.body) for entry in entries) <= MOST_BYTES
    assert valkey.memory_usage(DECISION_LOG, samples=0) / len(entries) <= MOST_BYTES


def test_the_record_keeps_every_figure() -> None:
    (record,) = records(1)
    factors = record.decision.basis.factors
    decision = read_decision(record.entry(), record.legend)
    assert decision.competition.rows.tolist() == factors.rows.tolist()
    for name in ("propensity", "value", "lever", "context_weight"):
        expected = getattr(factors, name).astype(np.float32)
        assert np.array_equal(getattr(decision.competition, name), expected), name
    vector = record.decision.basis.reading.customer.features.vector
    assert list(decision.features.values()) == vector.tolist()
    assert decision.records["contacts"][0] == CONTACTS
    live = record.decision.basis.reach.approaches[0].screening.live
    stopped = {int(row) for it in decision.stopped for row in it.rows}
    assert np.array_equal(decision.competition.maturity, factors.maturity)
    assert decision.counters is not None
    assembler, features = grocery().assembler, record.decision.basis.reading.customer.features
    rebuilt = features._replace(counters=decision.counters)
    expected = assembler.assemble(features, {}, factors.rows, decision.decided_at_ms)
    assert np.array_equal(
        assembler.assemble(rebuilt, {}, factors.rows, decision.decided_at_ms), expected, equal_nan=True
    )
    assert 0 < len(decision.counters.ids) < KEYS  # only those that the candidates have to do with
    assert stopped == {row for row in range(len(record.legend.actions)) if not live >> row & 1}


def test_making_a_record_costs_the_answer_nothing_worth_mentioning() -> None:
    (record,) = records(1)
    took = []
    for _ in range(200):
        started = perf_counter_ns()
        DecisionRecord(record.decision, record.customer, record.legend)
        took.append(perf_counter_ns() - started)
    assert np.median(took) < 60_000


def test_a_damaged_record_is_never_read_as_another() -> None:
    (record,) = records(1)
    entry = record.entry()
    for place in range(len(entry.body)):
        body = bytearray(entry.body)
        body[place] ^= 0x55
        with pytest.raises(LogFormatError):
            read_decision(entry._replace(body=bytes(body)), record.legend)
