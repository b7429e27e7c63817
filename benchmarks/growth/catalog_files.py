"""Catalogs of any size as the files that people write: who may get an action depends on the customer's facts.

Every action asks two conditions out of a pool of distinct predicates, and one rule of the catalog keeps it
from customers below its level: how many actions survive is up to the customer's `reach`. Models see 40
features: 22 of the customer, 8 of the action, 10 of the pair.
"""

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

NAMESPACE, PLACEMENT, LEVELS = "customer", "home", 1_000
NUMBERS, TEXTS, FLAGS = 10, 5, 4
COLOURS = ("amber", "blue", "coral", "denim", "ecru", "fawn")
PROPERTIES = 8
WINDOWS_DAYS, HALF_LIVES_DAYS = (7, 14, 21, 28, 42, 56, 91, 120, 182), (14, 30, 60)
FAMILIES = {"category": 200, "maker": 60}
ACTIONS_PER_FILE = 1_000
CLOCK = "2026-03-02T10:00:00Z"


def write_catalog(directory: Path, actions: int, predicates: int) -> Path:
    """Write a catalog of some actions that ask for so many distinct predicates, and return its directory."""
    (directory / "actions").mkdir(parents=True)
    for name, content in _documents(actions, predicates).items():
        text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=200)
        (directory / name).write_text(text)
    return directory


class _Dumper(yaml.CSafeDumper):
    """In C, for 10,000 actions take long; and without aliases, which catalogs must not have."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def predicates() -> Iterator[str]:
    """Yield distinct predicates without end, of the shapes that marketers write; most of them hold."""
    for number in itertools.count():
        fact, text, flag = number % NUMBERS, number % TEXTS, number % FLAGS
        yield f"facts.n{fact} >= {number % 60}"
        yield f"facts.t{text} in {json.dumps([*COLOURS[number % 2 : number % 2 + 5], f'c{number}'])}"
        yield f"facts.n{fact} != {1_000 + number}"
        yield f'facts.t{text} != "c{number}"'
        yield f"facts.b{flag} || facts.n{fact} > {number % 40} + {number}"
        yield f'"x{number % 97}-{number}" in facts.tags || facts.n{fact} < {70 + number}'


def _documents(actions: int, distinct: int) -> Mapping[str, object]:
    return {
        "catalog.yaml": {
            "name": "growth",
            "title": "A catalog of any size",
            "clock": CLOCK,
            "channels": ["web", "email"],
            "action_attributes": [
                {"name": "level", "type": "int"},
                *({"name": f"property_{number}", "type": "double"} for number in range(PROPERTIES)),
            ],
            "namespaces": [{"name": NAMESPACE, "one_per_person": True}],
        },
        "events.yaml": {
            "streams": [
                {
                    "name": "trips",
                    "events": ["order.placed"],
                    "values": {"spend": "items.amount", "lines": "items.count"},
                }
            ]
        },
        "facts.yaml": {
            "facts": [
                {"name": "reach", "type": "int"},
                *({"name": f"n{number}", "type": "int"} for number in range(NUMBERS)),
                *({"name": f"t{number}", "type": "string"} for number in range(TEXTS)),
                *({"name": f"b{number}", "type": "bool"} for number in range(FLAGS)),
                {"name": "tags", "type": "list<string>"},
            ]
        },
        "features.yaml": {"affinities": _affinities(), "features": _features()},
        "placements.yaml": {
            "placements": [
                {
                    "id": PLACEMENT,
                    "title": "Home page",
                    "channel": "web",
                    "direction": "INBOUND",
                    "default_limit": 3,
                }
            ]
        },
        "policies.yaml": _policies(),
        **_action_files([*_actions(actions, distinct)]),
    }


def _action_files(actions: Sequence[object]) -> Mapping[str, object]:
    """Return the actions in files, for one may have 4 MiB at most."""
    starts = range(0, len(actions), ACTIONS_PER_FILE)
    return {f"actions/from-{start}.yaml": actions[start : start + ACTIONS_PER_FILE] for start in starts}


def _affinities() -> list[Mapping[str, object]]:
    definition = {"of": "trips", "value": "spend", "unit": 0.1}
    return [{"family": family, "definition": definition} for family in FAMILIES]


def _features() -> list[Mapping[str, object]]:
    return [
        *_of_customer(),
        *(
            {"name": name, "source": "action", "definition": {"attribute": name}}
            for name in (f"property_{number}" for number in range(PROPERTIES))
        ),
        *itertools.chain.from_iterable(_pairs(family) for family in FAMILIES),
    ]


def _of_customer() -> Iterator[Mapping[str, object]]:
    definitions: dict[str, Mapping[str, object]] = {
        "trips_ever": {"aggregate": "count"},
        **{f"trips_{days}d": {"aggregate": "count", "window": f"{days}d"} for days in WINDOWS_DAYS},
    }
    for days in HALF_LIVES_DAYS:
        fading = {"half_life": f"{days}d"}
        definitions[f"trips_fading_{days}d"] = {"aggregate": "decayed_count", **fading}
        for value in ("spend", "lines"):
            summed = {"aggregate": "decayed_sum", "value": value, **fading}
            definitions[f"{value}_fading_{days}d"] = summed
    for name, definition in definitions.items():
        yield _feature(name, {**definition, "of": "trips"}, default=0.0)
    yield _feature("days_since_trip", {"aggregate": "recency", "of": "trips"})
    yield _feature("spend_per_trip", {"ratio": "spend_fading_60d", "to": "trips_fading_60d"})
    yield _feature("lines_per_trip", {"ratio": "lines_fading_60d", "to": "trips_fading_60d"})


def _feature(name: str, definition: Mapping[str, object], **default: float) -> Mapping[str, object]:
    return {"name": name, "source": "customer", "definition": definition, **default}


def _pairs(family: str) -> Iterator[Mapping[str, object]]:
    own = {"affinity": family}
    for name, definition in {
        "trips": {**own, "statistic": "count", "combine": "sum"},
        "spend": {**own, "statistic": "total", "combine": "sum"},
        "days_since": {**own, "statistic": "recency", "combine": "min"},
        "trips_relative": {**own, "statistic": "count", "combine": "sum", "relative": True},
        "spend_relative": {**own, "statistic": "total", "combine": "sum", "relative": True},
    }.items():
        yield {"name": f"{family}_{name}", "source": "pair", "definition": definition}


def _policies() -> Mapping[str, object]:
    cap = {"outcomes": ["DELIVERED"], "window": "7d", "reason": "Seen often enough."}
    return {
        "eligibility": [
            {
                "id": "level",
                "applies_to": {"types": ["OFFER", "SERVICE", "INFORMATION"]},
                "require": "action.level <= facts.reach",
                "reason": "Not for this customer.",
                "when_unknown": "deny",
            }
        ],
        "contact_policy": {
            "caps": [
                {"id": "action", "applies_to": {"types": ["OFFER"]}, "per": ["action"], "max": 5, **cap},
                {"id": "group", "applies_to": {"types": ["OFFER"]}, "per": ["group"], "max": 400, **cap},
                {"id": "all", "applies_to": {"types": ["OFFER"]}, "per": [], "max": 5_000, **cap},
            ]
        },
    }


def _actions(actions: int, distinct: int) -> Iterator[Mapping[str, object]]:
    chance = random.Random(7)
    pool = [*itertools.islice(predicates(), distinct)]
    levels = chance.sample([1 + LEVELS * number // actions for number in range(actions)], actions)
    for number, level in enumerate(levels):
        group = number % 40
        yield {
            "id": f"action-{number:05}",
            "type": ("OFFER", "OFFER", "OFFER", "SERVICE", "INFORMATION")[group % 5],
            "issue": f"issue-{group % 8}",
            "group": f"group-{group}",
            "title": f"Action {number}",
            "value": round(chance.uniform(0.5, 2.0), 3),
            "attributes": {
                "level": level,
                **{f"property_{it}": round(chance.random(), 3) for it in range(PROPERTIES)},
            },
            "affinity": {
                family: [f"{family}-{key}" for key in sorted(chance.sample(range(size), 2))]
                for family, size in FAMILIES.items()
            },
            "content": {"text": f"What action {number} says to people who see it."},
            "eligibility": chance.sample(pool, 2),
        }
