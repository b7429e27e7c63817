"""The immutable set that one decision runs on: catalog, rules, features, model. Read once per request."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from nextbest_models.action_side import Declarations
from nextbest_models.affinity import AffinityKeys
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.evidence import Kind
from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_models.population import Population
from nextbest_models.ranker import Ranker
from nextbest_rules import Action, Catalog, Formula, RuleSet
from nextbest_rules.assignment import CHAMPION, ranker_of
from nextbest_rules.catalog import Arm, Emphasis
from nextbest_rules.context_weights import Weighing
from nextbest_rules.policies import ExclusiveRule
from nextbest_rules.selection import mask_of
from nextbest_service.decisions.bitmask import flags_of
from nextbest_service.decisions.factors import Floats
from nextbest_service.decisions.rankings import Ranking, rankings_of
from nextbest_service.decisions.slot_plan import SlotPlan
from nextbest_service.store.customers import ReadPlan

_MOST_WEIGHED = 256
"""So many combinations of context weights are kept; each takes 8 bytes per action."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Short content hashes of everything a generation is made of. `model` is empty where there is none."""

    catalog: str
    ruleset: str
    model: str
    feature_spec: str


@dataclass(frozen=True, slots=True)
class Exclusive:
    """A mutual exclusion, its actions as a mask and with one flag per action."""

    rule: ExclusiveRule
    mask: int
    members: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Generation:
    """Everything that is the same for all decisions until the next reload.

    `values` are float64 with one entry per action; a value that is computed per customer stands there as 0.
    `assembler` makes the rows that models score, `rankings` are by name. `plan` says what to read of a
    customer, `seen_features` which of their features rules read, and the places of those in the vector,
    `exclusive` which actions must not stand together, `slots` what placements make of actions.
    """

    catalog: Catalog
    rules: RuleSet
    spec: FeatureSpec
    online: OnlineFeatures
    assembler: CandidateAssembler
    rankings: Mapping[str, Ranking]
    versions: Versions
    values: NDArray[np.float64]
    plan: ReadPlan
    seen_features: tuple[tuple[str, int], ...]
    exclusive: tuple[Exclusive, ...]
    slots: SlotPlan
    _levers: Mapping[tuple[str, str], NDArray[np.float64]]
    _arm_levers: Mapping[tuple[str, str], NDArray[np.float64]]
    _weighed: Callable[[tuple[Weighing, ...]], Floats]
    _contents: Mapping[tuple[int, str], str]

    @classmethod
    def build(
        cls,
        rules: RuleSet,
        spec: FeatureSpec,
        keys: AffinityKeys,
        population: Population,
        rankers: Mapping[str, Ranker],
    ) -> "Generation":
        """Put together what was loaded and checked; everything that no request changes is computed here.

        `rankers` are the models in use by name, the `champion` among them if there is any.
        """
        actions = rules.catalog.actions
        assembler = CandidateAssembler(spec, action_profiles(rules.catalog), keys, population)
        rankings = rankings_of(rankers, assembler, actions)
        return cls(
            catalog=rules.catalog,
            rules=rules,
            spec=spec,
            online=OnlineFeatures(spec),
            assembler=assembler,
            rankings=rankings,
            versions=Versions(
                catalog=rules.catalog.version,
                ruleset=rules.version,
                model=rankings[CHAMPION].version,
                feature_spec=spec.digest[:12],
            ),
            values=np.array([0.0 if isinstance(it.value, Formula) else it.value for it in actions]),
            plan=ReadPlan(
                records=tuple(sorted(rules.reads)),
                capped=tuple(action.id for action in actions if action.volume_cap is not None),
            ),
            seen_features=tuple(
                (name, place) for place, name in enumerate(spec.customer_names) if name in rules.sees_features
            ),
            exclusive=exclusive_rules(rules.catalog),
            slots=SlotPlan.of(rules.catalog),
            _levers=_levers(rules.catalog),
            _arm_levers=_arm_levers(rules.catalog),
            _weighed=lru_cache(_MOST_WEIGHED)(partial(_weighed, len(actions))),
            _contents=_contents(actions),
        )

    @property
    def champion(self) -> Ranking:
        """What ranks for everybody whose arm says nothing else."""
        return self.rankings[CHAMPION]

    def ranking(self, arms: Mapping[str, str]) -> Ranking | None:
        """Return what ranks for a person with these arms; None where that ranker is not in use."""
        return self.rankings.get(ranker_of(self.catalog.experimentation, arms)) if arms else self.champion

    def levers(self, brand: str, goal: str, arms: Mapping[str, str]) -> Floats:
        """Return L of every action under a brand and a goal, either of which may be empty, and in some arms.

        The array is shared: it must not be changed.
        """
        levers = self._levers[brand, goal]
        for arm in arms.items():
            if arm in self._arm_levers:
                levers = levers * self._arm_levers[arm]
        return levers

    def context_weights(self, weighings: tuple[Weighing, ...]) -> Floats:
        """Return C of every action under some context weights.

        The array is shared: it must not be changed.
        """
        return self._weighed(weighings)

    def content(self, row: int, treatment_id: str) -> str:
        """Return an action's content as JSON, in one of its treatments or, with an empty id, without."""
        return self._contents[row, treatment_id]


def feature_spec(catalog: Catalog) -> FeatureSpec:
    """Return the catalog's features as the models understand them.

    Raises:
        FeatureSpecError: a definition means nothing to the models.
    """
    declared = feature_declarations(catalog)
    return FeatureSpec.from_declarations(declared.affinities, declared.features)


def feature_declarations(catalog: Catalog) -> Declarations:
    """Return what the catalog declares of features, as plain data."""
    return Declarations(
        affinities=[{"family": item.family, "definition": item.definition} for item in catalog.affinities],
        features=[
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
            kind=Kind(action.type.value, action.issue, action.group),
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


def _contents(actions: Sequence[Action]) -> dict[tuple[int, str], str]:
    found = {}
    for row, action in enumerate(actions):
        found[row, ""] = _json(action, None)
        for treatment in action.treatments:
            found[row, treatment.id] = _json(action, treatment.content)
    return found


def _json(action: Action, own: Mapping[str, object] | None) -> str:
    content: Mapping[str, object] = {"title": action.title, **(action.content or {}), **(own or {})}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _levers(catalog: Catalog) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return L for every brand and goal: the action's own lever times all that select it."""
    own = np.array([action.lever for action in catalog.actions])
    brands = {"": np.ones(len(own)), **{id_: _factors(it, catalog) for id_, it in catalog.brands.items()}}
    goals = {"": np.ones(len(own)), **{id_: _factors(it, catalog) for id_, it in catalog.goals.items()}}
    return {
        (brand, goal): own * of_brand * of_goal
        for brand, of_brand in brands.items()
        for goal, of_goal in goals.items()
    }


def _weighed(size: int, weighings: Iterable[Weighing]) -> Floats:
    weights = np.ones(size)
    for weighing in weighings:
        weights[flags_of(weighing.mask, size)] *= weighing.weight
    return weights


def _arm_levers(catalog: Catalog) -> dict[tuple[str, str], NDArray[np.float64]]:
    return {
        (experiment.id, arm.id): _factors(arm, catalog)
        for experiment in catalog.experimentation.experiments
        for arm in experiment.arms
        if arm.levers
    }


def _factors(of: Emphasis | Arm, catalog: Catalog) -> NDArray[np.float64]:
    factors = np.ones(len(catalog.actions))
    for lever in of.levers:
        factors[flags_of(mask_of(lever.applies_to, catalog), len(factors))] *= lever.lever
    return factors


def exclusive_rules(catalog: Catalog) -> tuple[Exclusive, ...]:
    """Return which actions of a catalog must not stand together."""
    masks = [(rule, mask_of(rule.applies_to, catalog)) for rule in catalog.policies.exclusive]
    return tuple(Exclusive(rule, mask, flags_of(mask, len(catalog.actions))) for rule, mask in masks)
