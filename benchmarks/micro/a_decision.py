"""A decision as grocery makes it: a hundred candidates, three propositions with content, twenty contacts."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.population import Population
from nextbest_rules import RuleSet, load_catalog
from nextbest_rules.records import Contact
from nextbest_service.catalogs import find_catalog
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.generation import Generation, catalog_affinity_keys, feature_spec
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.store.contact_codec import decode_contacts
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found
from nextbest_service.store.record_codec import encode_records

CANDIDATES, CONTACTS, KEYS = 100, 20, 250
RANDOM = np.random.default_rng(7)


@cache
def grocery() -> Generation:
    """Return the shipped catalog of grocery, without a model."""
    catalog = load_catalog(find_catalog("grocery"))
    keys = AffinityKeys(sorted(catalog_affinity_keys(catalog)))
    return Generation.build(RuleSet.compile(catalog), feature_spec(catalog), keys, Population.unknown(), {})


@cache
def decision() -> Decision:
    """Return the decision."""
    generation, catalog = grocery(), grocery().catalog
    now_ms = catalog.clock_ms
    assert now_ms is not None
    campaigns = sorted({str(it.attributes["campaign"]) for it in catalog.actions if it.attributes})
    live = [row for row, action in enumerate(catalog.actions) if any(it.holds(now_ms) for it in action.valid)]
    request = DecisionRequest(
        request_id="",
        identities=(),
        placements=(PlacementRequest(catalog.placements["home"], 3, 0),),
        channel="web",
        brand=catalog.default_brand,
        goal=catalog.default_goal,
        locale="",
        context={"page": "landing", "device": "phone", "daypart": "morning"},
        candidates=sum(1 << row for row in live[:CANDIDATES]),
        explain=ExplainLevel.NONE,
        include_content=True,
        allow_duplicates=False,
    )
    unknown = generation.online.features(generation.online.empty, now_ms)
    facts = {"campaigns": campaigns, "age": "35-44", "income": "50-74K", "kids_count": "2"}
    customer = Customer(
        True,
        unknown._replace(counters=_counters()),
        {},
        facts,
        now_ms,
        contacts=decode_contacts(
            encode_records("contacts", _contacts([it.id for it in catalog.actions], now_ms))
        ),
    )
    watch = Stopwatch()
    watch.lap()
    reading = Reading(customer, {}, {}, Found(()), now_ms)
    return deliberate(generation, request, reading, {}, "0" * 32, watch, bytes(12), bytes(12))


def _contacts(actions: Sequence[str], now_ms: int) -> list[Contact]:
    return [
        Contact(
            actions[RANDOM.integers(len(actions))],
            "DISPLAYED",
            now_ms - int(number * 86_400_000 + RANDOM.integers(86_400_000)),
            "web",
            decision=RANDOM.bytes(16).hex(),
        )
        for number in range(CONTACTS)
    ]


def _counters() -> AffinityCounters:
    size = grocery().assembler.families[0].table.size
    ids = np.sort(RANDOM.choice(size, KEYS, replace=False)).astype(np.uint16)
    counts = RANDOM.geometric(0.3, KEYS).astype(np.uint16)
    days = (17_400 - RANDOM.geometric(0.02, KEYS)).astype(np.uint16)
    return AffinityCounters(ids, counts, days, (counts * RANDOM.gamma(2, 15, KEYS)).astype(np.uint16))
