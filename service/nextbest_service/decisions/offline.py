"""Decisions without a store: what a policy test asks, answered by the very code that serves."""

import json
from collections.abc import Mapping

from nextbest_models.affinity import AffinityKeys
from nextbest_models.population import Population
from nextbest_rules import Catalog, Exclusion, RuleSet
from nextbest_rules.bitmask import union
from nextbest_rules.records import Kill
from nextbest_rules.trials import Answer, CustomerState, Offer, PlacementAsked, Question
from nextbest_service.decisions.decision import Decision, Proposition, SelectionType
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.generation import Generation, feature_spec
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found

_DECISION_ID = "0" * 32


def offline_generation(catalog: Catalog) -> Generation:
    """Return a generation that ranks by the catalog's static priority.

    Raises:
        FeatureSpecError: a feature's definition means nothing to the models.
    """
    rules = RuleSet.compile(catalog)
    return Generation.build(rules, feature_spec(catalog), AffinityKeys({}), Population.unknown(), {})


def decide_offline(generation: Generation, question: Question) -> Answer:
    """Answer a question of a policy test, with all reasons."""
    return _answer(deliberate_offline(generation, question, ExplainLevel.EXCLUSIONS))


def deliberate_offline(
    generation: Generation, question: Question, explain: ExplainLevel = ExplainLevel.NONE
) -> Decision:
    """Return the decision on a question, with all that it rests on. Nothing explores."""
    request, reading = _request(generation, question, explain), _reading(generation, question)
    watch = Stopwatch()
    watch.lap()
    return deliberate(generation, request, reading, question.arms, _DECISION_ID, watch)


def _request(generation: Generation, question: Question, explain: ExplainLevel) -> DecisionRequest:
    catalog = generation.catalog
    every = (1 << len(catalog.actions)) - 1
    only = question.candidates
    channels = question.placements[0].placement.channels
    types = [generation.rules.type_mask(kind) for kind in question.types]
    unwanted = _mask(catalog, question.excluded) | (every & ~union(types) if types else 0)
    return DecisionRequest(
        request_id="",
        identities=(),
        placements=tuple(_placement(asked, unwanted) for asked in question.placements),
        channel=question.channel or (channels[0] if len(channels) == 1 else ""),
        brand=question.brand or catalog.default_brand,
        goal=question.goal or catalog.default_goal,
        locale=generation.rules.locale(question.locale),
        context=question.context,
        candidates=every if only is None else _mask(catalog, only),
        explain=explain,
        include_content=True,
        allow_duplicates=False,
        dry_run=True,
    )


def _placement(asked: PlacementAsked, unwanted: int) -> PlacementRequest:
    limit = asked.placement.default_limit if asked.limit is None else asked.limit
    return PlacementRequest(asked.placement, limit, unwanted)


def _mask(catalog: Catalog, action_ids: tuple[str, ...]) -> int:
    return union(1 << catalog.index[action_id] for action_id in action_ids)


def _reading(generation: Generation, question: Question) -> Reading:
    killed = {action_id: Kill("stopped by hand", question.now_ms) for action_id in question.killed}
    customer = _customer(generation, question.customer, question.now_ms)
    return Reading(customer, killed, question.volumes, Found(()), question.now_ms)


def _customer(generation: Generation, state: CustomerState | None, now_ms: int) -> Customer:
    online, given = generation.online, generation.online.empty
    if state is None:
        return Customer(False, online.features(given, now_ms), None, {})
    if state.features:
        as_of_ms = now_ms if state.features_as_of_ms is None else state.features_as_of_ms
        given = online.with_given(given, state.features, as_of_ms)

    def part(name: str) -> object:
        return None if name in state.unreadable else getattr(state, name)

    return Customer(
        known=True,
        features=online.features(given, now_ms),
        features_as_of=online.as_of(given),
        facts=part("facts"),  # type: ignore[arg-type]
        facts_as_of=state.facts_as_of,
        **{name: part(name) for name in ("consents", "tickets", "purchases", "events", "contacts")},  # type: ignore[arg-type]
        unreadable=tuple(sorted(state.unreadable)),
        defaulted=online.missing(given),
    )


def _answer(decision: Decision) -> Answer:
    exclusions: dict[str, list[Exclusion]] = {}
    for placed in decision.exclusions:
        exclusions.setdefault(placed.placement_id, []).append(placed.exclusion)
    return Answer(
        offers={
            placement.request.placement.id: tuple(_offer(it, decision) for it in placement.propositions)
            for placement in decision.placements
        },
        exclusions={name: tuple(found) for name, found in exclusions.items()},
    )


def _weighed_by(row: int, decision: Decision) -> frozenset[str]:
    basis = decision.basis
    weighings = basis.generation.rules.context_weights.weighings(1 << row, basis.reach.view)
    return frozenset(weighing.rule_id for weighing in weighings if weighing.weight != 1)


def _offer(proposition: Proposition, decision: Decision) -> Offer:
    content: Mapping[str, object] = json.loads(proposition.content_json)
    return Offer(
        action=proposition.action.id,
        rank=proposition.rank,
        channel=proposition.channel,
        treatment=proposition.treatment_id,
        content=content,  # type: ignore[arg-type]
        parameters=proposition.parameters,
        value=proposition.value,
        lever=proposition.lever,
        priority=proposition.priority,
        send_at_ms=proposition.send_at_ms,
        expires_at_ms=proposition.expires_at_ms,
        pinned=proposition.selection is SelectionType.PINNED,
        fallback=proposition.selection is SelectionType.FALLBACK,
        context_weight=proposition.context_weight,
        weighed_by=_weighed_by(decision.basis.generation.catalog.index[proposition.action.id], decision),
    )
