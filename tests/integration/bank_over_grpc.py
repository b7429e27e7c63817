"""Questions of policy tests as calls to a service, and its answers as policy tests read them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import redis

from nextbest.v1 import action_pb2, decision_pb2, identity_pb2, proposition_pb2, value_pb2
from nextbest_rules import Catalog, Exclusion, Stage, ValueType
from nextbest_rules.dates import from_ms
from nextbest_rules.records import Kill
from nextbest_rules.trials import Answer, Offer, Question
from nextbest_rules.trials.state import CustomerState
from nextbest_service.customer_states import store_states
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.store import keys
from nextbest_service.store.keys import Identity, person_key
from nextbest_service.store.kills import remove_kill, write_kill
from nextbest_service.store.secret import read_key_ring
from nextbest_service.store.volumes import write_volumes

CUSTOMER = Identity("customer", "of-the-test")
NOBODY = Identity("cookie", "never-seen")
FIELDS = {"facts": keys.FACTS, **keys.RECORD_FIELDS}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Written(NamedTuple):
    """The customer of a test, ready for the store."""

    identities: tuple[Identity, ...]
    state: CustomerState


@contextmanager
def world_of(question: Question, catalog: Catalog, store: redis.Redis) -> Iterator[None]:
    """Put everything that a question presumes into the store, and take it out again."""
    state, key = question.customer, person_key(read_key_ring(store).ref(CUSTOMER))
    if state is not None:
        written = [Written((CUSTOMER,), state)]
        list(store_states(store, catalog, feature_spec(catalog), written, question.now_ms))
        for part in state.unreadable:
            store.hset(key, FIELDS[part], b"damaged")
    for action in question.killed:
        write_kill(store, action, Kill("stopped by hand", question.now_ms))
    write_volumes(store, question.volumes)
    yield
    store.delete(key, keys.VOLUMES)
    for action in question.killed:
        remove_kill(store, action)


def request_for(question: Question, catalog: Catalog) -> decision_pb2.DecideRequest:
    """Return the question as a call, fully explained."""
    identity = NOBODY if question.customer is None else CUSTOMER
    direction = f"DIRECTION_{question.direction}" if question.direction else "DIRECTION_UNSPECIFIED"
    return decision_pb2.DecideRequest(
        identities=[identity_pb2.Identity(namespace=identity.namespace, id=identity.id)],
        placements=[
            decision_pb2.PlacementRequest(
                id=asked.placement.id,
                limit=asked.limit or 0,
                excluded_action_ids=question.excluded,
                action_types=[action_pb2.ActionType.Value(f"ACTION_TYPE_{kind}") for kind in question.types],
            )
            for asked in question.placements
        ],
        channel=question.channel,
        direction=action_pb2.Direction.Value(direction),
        brand=question.brand,
        goal=question.goal,
        locale=question.locale,
        context=context_of(question, catalog),
        candidate_action_ids=question.candidates or (),
        explain_level=decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS,
        include_content=True,
        dry_run=True,
    )


def context_of(question: Question, catalog: Catalog) -> value_pb2.Context:
    """Return the context, every value in the map of its declared type."""
    context = value_pb2.Context()
    for name, value in question.context.items():
        match catalog.context.declarations[name].type, value:
            case ValueType.STRING, str():
                context.strings[name] = value
            case ValueType.BOOL, bool():
                context.flags[name] = value
            case _, int() | float():
                context.numbers[name] = value
            case _, datetime():
                context.numbers[name] = (value - EPOCH).total_seconds() * 1000
            case _, list():
                context.lists[name].values.extend(map(str, value))
    return context


def answer_of(response: decision_pb2.DecideResponse) -> Answer:
    """Return a service's answer as policy tests read it."""
    exclusions: dict[str, list[Exclusion]] = {}
    for item in response.exclusions:
        exclusions.setdefault(item.placement_id, []).append(exclusion_of(item))
    return Answer(
        offers={
            placement.placement_id: tuple(map(offer_of, placement.propositions))
            for placement in response.placements
        },
        exclusions={placement: tuple(found) for placement, found in exclusions.items()},
    )


def offer_of(item: proposition_pb2.Proposition) -> Offer:
    """Return one proposition."""
    return Offer(
        action=item.action_id,
        rank=item.rank,
        channel=item.channel,
        treatment=item.treatment_id,
        content=json.loads(item.content_json),
        parameters={name: value_of(item.parameters[name]) for name in item.parameters},
        value=item.value,
        lever=item.lever,
        priority=item.priority,
        send_at_ms=item.send_at_unix_ms or None,
        expires_at_ms=item.expires_at_unix_ms or None,
        pinned=item.selection_type == action_pb2.SELECTION_TYPE_PINNED,
        fallback=item.selection_type == action_pb2.SELECTION_TYPE_FALLBACK,
        context_weight=item.context_weight,
    )


def exclusion_of(item: proposition_pb2.Exclusion) -> Exclusion:
    """Return one exclusion."""
    stage = action_pb2.Stage.Name(item.stage).removeprefix("STAGE_").lower()
    return Exclusion(
        action_id=item.action_id,
        stage=Stage(stage),
        rule_id=item.rule_id,
        reason=item.reason,
        actual=item.actual,
        required=item.required,
        eligible_at_ms=item.eligible_at_unix_ms or None,
    )


def value_of(value: value_pb2.Value) -> Any:
    """Return a computed parameter in its own type."""
    kind = value.WhichOneof("kind")
    assert kind is not None
    if kind == "timestamp_unix_ms":
        return from_ms(value.timestamp_unix_ms)
    return list(value.string_list.values) if kind == "string_list" else getattr(value, kind)
