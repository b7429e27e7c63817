"""The immutable set that one decision runs on: catalog, rules, features, model. Read once per request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityKeys
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.ranker import Ranker
from nextbest_models.state import Ageing
from nextbest_rules import Action, Catalog, RuleSet

NEUTRAL_PROPENSITY = 0.01
"""P without a model and without a declared starting propensity: equal for all, so V and L decide."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Short content hashes of everything a generation is made of. `model` is empty where there is none."""

    catalog: str
    ruleset: str
    model: str
    feature_spec: str


@dataclass(frozen=True, slots=True)
class Generation:
    """Everything that is the same for all decisions until the next reload.

    `values`, `levers` and `priors` are float64 with one entry per action; `contents` is each action's content
    as JSON.
    """

    catalog: Catalog
    rules: RuleSet
    spec: FeatureSpec
    assembler: CandidateAssembler
    ageing: Ageing
    ranker: Ranker | None
    versions: Versions
    values: NDArray[np.float64]
    levers: NDArray[np.float64]
    priors: NDArray[np.float64]
    contents: tuple[str, ...]

    @classmethod
    def build(
        cls,
        rules: RuleSet,
        spec: FeatureSpec,
        keys: AffinityKeys,
        population: Population,
        ranker: Ranker | None,
    ) -> "Generation":
        """Put together what was loaded and checked; everything that no request changes is computed here."""
        actions = rules.catalog.actions
        return cls(
            catalog=rules.catalog,
            rules=rules,
            spec=spec,
            assembler=CandidateAssembler(spec, action_profiles(rules.catalog), keys, population),
            ageing=Ageing(spec),
            ranker=ranker,
            versions=Versions(
                catalog=rules.catalog.version,
                ruleset=rules.version,
                model=ranker.version if ranker else "",
                feature_spec=spec.digest[:12],
            ),
            values=np.array([action.value for action in actions]),
            levers=np.array([action.lever for action in actions]),
            priors=np.array([_prior(action) for action in actions]),
            contents=tuple(map(_content, actions)),
        )


def feature_spec(catalog: Catalog) -> FeatureSpec:
    """Return the catalog's features as the models understand them.

    Raises:
        FeatureSpecError: a definition means nothing to the models.
    """
    return FeatureSpec.from_declarations(
        [{"family": item.family, "definition": item.definition} for item in catalog.affinities],
        [
            {
                "name": item.name,
                "source": item.source,
                "definition": item.definition,
                "default": item.default,
            }
            for item in catalog.features
        ],
    )


def action_profiles(catalog: Catalog) -> list[ActionProfile]:
    """Return what the models need to know of the catalog's actions, in the catalog's order."""
    return [
        ActionProfile(
            id=action.id,
            attributes=action.attributes,
            affinity={family: [key for key, _ in keys] for family, keys in action.affinity.items()},
        )
        for action in catalog.actions
    ]


def catalog_affinity_keys(catalog: Catalog) -> set[tuple[str, str]]:
    """Return every (family, key) that any action of the catalog names."""
    return {
        (family, key)
        for action in catalog.actions
        for family, keys in action.affinity.items()
        for key, _ in keys
    }


def _prior(action: Action) -> float:
    return NEUTRAL_PROPENSITY if action.starting_propensity is None else action.starting_propensity


def _content(action: Action) -> str:
    content: Mapping[str, object] = {"title": action.title, **(action.content or {})}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
