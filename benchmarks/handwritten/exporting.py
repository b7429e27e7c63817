"""The standard work as the hand-written server wants it: one msgpack file of actions, one value per customer.

It is what a nightly job would leave behind: features computed, counters by name, contacts as they were.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgpack

from nextbest_models.affinity import AffinityKeys
from nextbest_models.artifact import MODEL_FILE
from nextbest_models.artifact import load as load_ranker
from nextbest_models.assembly import CandidateAssembler
from nextbest_models.definitions import PairStatistic
from nextbest_models.features import FeatureSpec
from nextbest_models.online import FeatureState, OnlineFeatures
from nextbest_models.pairs import PairFamily
from nextbest_models.population import Population
from nextbest_rules import Action, Catalog
from nextbest_service.customers.portion import Portion
from nextbest_service.decisions.generation import action_profiles

FILE = "handwritten.msgpack"
KEYS = "hand:"
"""What the keys of customers begin with."""
CHANNEL = "web"


def customer_state(portion: Portion, features: OnlineFeatures, keys: AffinityKeys, now_ms: int) -> bytes:
    """Return what the store holds of a customer: facts, features, counters by family and key, contacts."""
    state = portion.features
    assert isinstance(state, FeatureState)
    vector = features.features(state, now_ms).vector.tolist()
    return bytes(
        msgpack.packb(
            {
                "facts": dict(portion.facts),
                "features": dict(zip(features.spec.customer_names, vector, strict=True)),
                "counters": _counters(state, keys),
                "tickets": [],
                "contacts": [
                    {"action": it.action, "group": it.group, "outcome": it.outcome, "at_ms": it.at_ms}
                    for it in portion.contacts
                ],
            }
        )
    )


def _counters(state: FeatureState, keys: AffinityKeys) -> dict[str, dict[str, list[int]]]:
    """Return, by family and key, how often, the day of the last time, and the total in the family's unit."""
    found: dict[str, dict[str, list[int]]] = {}
    own = state.counters
    columns = (it.tolist() for it in (own.ids, own.counts, own.last_days, own.totals))
    for id_, count, last_day, total in zip(*columns, strict=True):
        family, key = keys.key(id_)
        found.setdefault(family, {})[key] = [count, last_day, total]
    return found


def write_actions(
    root: Path, catalog: Catalog, spec: FeatureSpec, keys: AffinityKeys, population: Population, model: Path
) -> None:
    """Write everything that does not depend on a customer."""
    assembler = CandidateAssembler(spec, action_profiles(catalog), keys, population)
    curves = load_ranker(model, spec).calibration.curves
    document = {
        "model": str((model / MODEL_FILE).relative_to(root)),
        "columns": list(spec.columns),
        "customer_features": list(spec.customer_names),
        "pairs": [*_pairs(spec, assembler.families)],
        "curves": {kind: [it.knots.tolist(), it.values.tolist()] for kind, it in curves.items()},
        "actions": [_action(action, row, assembler) for row, action in enumerate(catalog.actions)],
        "versions": {"catalog": catalog.version, "model": model.name},
    }
    (root / FILE).write_bytes(msgpack.packb(document))


def _pairs(spec: FeatureSpec, families: Sequence[PairFamily]) -> Iterator[Mapping[str, Any]]:
    definitions = {column: feature.definition for column, feature in enumerate(spec.features)}
    for family in families:
        for pair in family.columns:
            definition = definitions[pair.column]
            assert isinstance(definition, PairStatistic)
            yield {
                "family": definition.affinity,
                "column": pair.column,
                "statistic": pair.statistic.value,
                "combine": pair.combine.value,
                "unit": pair.unit,
            }


def _action(action: Action, row: int, assembler: CandidateAssembler) -> Mapping[str, Any]:
    treatment = next(it for it in action.treatments if it.channels and CHANNEL in it.channels)
    yardsticks = {
        str(pair.column): pair.yardstick.item(row)
        for family in assembler.families
        for pair in family.columns
        if pair.yardstick is not None
    }
    return {
        "id": action.id,
        "type": action.type.value,
        "issue": action.issue,
        "group": action.group,
        "value": action.value,
        "valid": [[it.from_ms, it.until_ms] for it in action.valid],
        "attributes": dict(action.attributes),
        "keys": {family: [key for key, _ in own] for family, own in action.affinity.items()},
        "features": assembler.base[row].tolist(),
        "averages": yardsticks,
        "treatment": treatment.id,
        "content": json.dumps({"title": action.title, **(treatment.content or {})}, ensure_ascii=False),
        "trips": bool(treatment.parameters),
    }
