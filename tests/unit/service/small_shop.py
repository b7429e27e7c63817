"""A small shop without a model, and decisions in it that need no store."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nextbest_models.state import CustomerFeatures
from nextbest_rules import load_catalog
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.explaining import explain
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import offline_generation
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found

LIMITED = Path(__file__).parents[2] / "catalogs" / "limited"
NOW_MS = 1_710_496_800_000
OFFERS = {"groups": ["offers"]}
HEAD = {
    "brands": [{"id": "grand", "title": "G", "levers": [{"applies_to": OFFERS, "lever": 0.5}, {"lever": 4}]}],
    "default_brand": "grand",
    "goals": [{"id": "sell", "title": "S", "levers": [{"applies_to": OFFERS, "lever": 3.0}]}],
}
POLICIES = {
    "guards": [
        {
            "id": "fault",
            "over": "tickets",
            "when": "ticket.open",
            "hold": {"types": ["SERVICE"]},
            "promote": [
                {"applies_to": OFFERS, "lever": 2.0},
                {"applies_to": {"actions": ["note"]}, "pin": True},
            ],
            "reason": "R.",
        },
        {
            "id": "slow",
            "over": "tickets",
            "when": "ticket.open",
            "hold": {"types": ["SERVICE"]},
            "promote": [{"applies_to": {"actions": ["note"]}, "lever": 1.25}],
            "reason": "R.",
        },
    ],
    "context_weights": [
        {
            "id": "rainy",
            "applies_to": OFFERS,
            "when": 'context.page == "rain"',
            "weight": 1.5,
            "reason": "R.",
        },
        {"id": "half", "applies_to": OFFERS, "weight": "context.page == 'rain' ? 0.5 : 1.0", "reason": "R."},
    ],
}


def limited(root: Path, home: str = "", actions: str = "", note_value: str = "1") -> Generation:
    """Return a shop whose levers and weights concern the offers, and one of whose guards pins the note.

    `home` is more of the home page, `actions` are more actions, `note_value` is what
    the note is worth.
    """
    directory = Path(shutil.copytree(LIMITED, root / "catalog"))
    head = {key: json.dumps(value) for key, value in HEAD.items()}
    for name, more in {
        "catalog": "".join(f"{key}: {value}\n" for key, value in head.items()),
        "policies": "".join(f"{key}: {json.dumps(value)}\n" for key, value in POLICIES.items()),
        "actions/all": actions,
    }.items():
        with (directory / f"{name}.yaml").open("a") as file:
            file.write(more)
    listed = directory / "actions" / "all.yaml"
    listed.write_text(listed.read_text().replace("value: 1}", f"value: {note_value}}}", 1))
    facts, placements = directory / "facts.yaml", directory / "placements.yaml"
    text = facts.read_text().replace("context: []", 'context: [{name: page, type: string, default: ""}]')
    facts.write_text(text.replace("facts:\n", "facts:\n  - {name: worth, type: double}\n"))
    placements.write_text(placements.read_text().replace("max_limit: 10}", f"max_limit: 10{home}}}", 1))
    return offline_generation(load_catalog(directory))


def decided(
    generation: Generation,
    placement: str = "home",
    *,
    only: tuple[str, ...] = (),
    context: Mapping[str, object] | None = None,
    vector: tuple[float, ...] | None = None,
    decision_id: str = "a" * 32,
    limit: int = 9,
    excluded: int = 0,
    **known: Any,
) -> Decision:
    """Return an explained decision for somebody, by default of whom nothing is known."""
    catalog = generation.catalog
    rows = [catalog.index[name] for name in only] or range(len(catalog.actions))
    request = DecisionRequest(
        request_id="",
        identities=(),
        placements=(PlacementRequest(catalog.placements[placement], limit, excluded),),
        channel="web",
        brand=catalog.default_brand,
        goal=next(iter(catalog.goals), ""),
        locale="",
        context={"page": "rain", **(context or {})},
        candidates=sum(1 << row for row in rows),
        explain=ExplainLevel.FULL,
        include_content=False,
        allow_duplicates=False,
    )
    features = CustomerFeatures.unknown(generation.spec, NOW_MS)
    if vector is not None:
        features = CustomerFeatures(np.array(vector, dtype=np.float32), features.counters, NOW_MS)
    customer = Customer(True, features, None, **{"facts": {}, "tickets": (), **known})
    watch = Stopwatch()
    watch.lap()
    reading = Reading(customer, {}, {}, Found(()), NOW_MS)
    return explain(deliberate(generation, request, reading, {}, decision_id, watch))
