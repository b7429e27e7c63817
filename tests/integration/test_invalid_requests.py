"""Every rule of the contract for a DecideRequest: refused whole, said exactly, nothing sent is repeated."""

import math

import grpc
import pytest
from corner_shop import asked, question
from running_service import CANARY, Client

from nextbest.v1 import (
    action_pb2,
    decision_pb2,
    identity_pb2,
    value_pb2,
)

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
Context = value_pb2.Context
Request = decision_pb2.DecideRequest


pytestmark = pytest.mark.usefixtures("still_serving")


def named(*identities: tuple[str, str]) -> list[identity_pb2.Identity]:
    return [identity_pb2.Identity(namespace=namespace, id=name) for namespace, name in identities]


def number(key: str, value: float) -> Context:
    return Context(numbers={key: value})


PERSON = ("customer", "anna")
BROKEN: dict[str, tuple[Request, list[str]]] = {
    "request id too long": (question(request_id="x" * 65), ["request_id"]),
    "request id too long in bytes": (question(request_id="é" * 33), ["request_id"]),
    "no identity": (question(identities=[]), ["identities"]),
    "nine identities": (question(identities=named(*[PERSON] * 9)), ["identities"]),
    "empty identity": (
        question(identities=named(PERSON, ("", ""))),
        ["identities[1].namespace", "identities[1].id"],
    ),
    "id too long": (question(identities=named(("customer", "x" * 129))), ["identities[0].id"]),
    "id too long in bytes": (question(identities=named(("customer", "é" * 65))), ["identities[0].id"]),
    "namespace starts with a digit": (question(identities=named(("1st", "x"))), ["identities[0].namespace"]),
    "namespace too long": (question(identities=named(("n" * 33, "x"))), ["identities[0].namespace"]),
    "namespace with a line feed": (question(identities=named(("a\n", "x"))), ["identities[0].namespace"]),
    "namespace that is a letter in lower case only": (
        question(identities=named(("\N{KELVIN SIGN}", "x"))),
        ["identities[0].namespace"],
    ),
    "no placement": (Request(identities=named(PERSON)), ["placements"]),
    "seventeen placements": (question(*["home"] * 17), ["placements"]),
    "placement twice": (question("home", "home"), ["placements[1].id"]),
    "placements of two channels": (question("home", "card"), ["placements"]),
    "limit below zero": (question(asked(limit=-1)), ["placements[0].limit"]),
    "limit above the maximum": (question(asked(limit=11)), ["placements[0].limit"]),
    "limit as large as can be": (question(asked(limit=2**31 - 1)), ["placements[0].limit"]),
    "too many excluded": (
        question(asked(excluded_action_ids=["credit"] * 1001)),
        ["placements[0].excluded_action_ids"],
    ),
    "type unspecified": (question(asked(action_types=[1, 0])), ["placements[0].action_types[1]"]),
    "type undeclared": (question(asked(action_types=[99])), ["placements[0].action_types[0]"]),
    "too many candidates": (question(candidate_action_ids=["credit"] * 1001), ["candidate_action_ids"]),
    "channel of another placement": (question("home", channel="app"), ["channel"]),
    "direction of another placement": (
        question("home", direction=action_pb2.DIRECTION_OUTBOUND),
        ["direction"],
    ),
    "direction undeclared": (question(direction=99), ["direction"]),
    "explain level undeclared": (question(explain_level=99), ["explain_level"]),
    "audit mode undeclared": (question(audit_mode=99), ["audit_mode"]),
    "locale": (question(locale="de_CH"), ["locale"]),
    "locale with a line feed": (question(locale="de\n"), ["locale"]),
    "context undeclared": (question(context=Context(flags={"mood": True})), ['context.flags["mood"]']),
    "context without a name": (question(context=Context(flags={"": True})), ['context.flags[""]']),
    "text among the numbers": (question(context=number("page", 1)), ['context.numbers["page"]']),
    "number among the texts": (
        question(context=Context(strings={"basket_value": "1"})),
        ['context.strings["basket_value"]'],
    ),
    "number among the flags": (
        question(context=Context(flags={"visits": True})),
        ['context.flags["visits"]'],
    ),
    "list among the texts": (question(context=Context(strings={"cart": "a"})), ['context.strings["cart"]']),
    "key in two maps": (
        question(context=Context(strings={"page": "x"}, numbers={"page": 1})),
        ['context.numbers["page"]'],
    ),
    "key too long": (
        question(context=Context(strings={"k" * 65: "x"})),
        [f'context.strings["{"k" * 64}"]'],
    ),
    "text too long": (question(context=Context(strings={"page": "é" * 513})), ['context.strings["page"]']),
    "NaN": (question(context=number("basket_value", math.nan)), ['context.numbers["basket_value"]']),
    "infinite": (question(context=number("basket_value", -math.inf)), ['context.numbers["basket_value"]']),
    "NaN as int": (question(context=number("visits", math.nan)), ['context.numbers["visits"]']),
    "fraction as int": (question(context=number("visits", 1.5)), ['context.numbers["visits"]']),
    "int too large": (question(context=number("visits", 2.0**53)), ['context.numbers["visits"]']),
    "infinite time": (question(context=number("last_visit", math.inf)), ['context.numbers["last_visit"]']),
    "time after the year 9999": (
        question(context=number("last_visit", 253_402_300_800_000.0)),
        ['context.numbers["last_visit"]'],
    ),
    "time before the year 1": (
        question(context=number("last_visit", -62_135_596_800_001.0)),
        ['context.numbers["last_visit"]'],
    ),
    "list too long": (
        question(context=Context(lists={"cart": value_pb2.StringList(values=["a"] * 257)})),
        ['context.lists["cart"]'],
    ),
    "text in a list too long": (
        question(context=Context(lists={"cart": value_pb2.StringList(values=["a", "b" * 1025])})),
        ['context.lists["cart"][1]'],
    ),
    "too many context entries": (
        question(context=Context(flags={f"f{n}": True for n in range(65)})),
        ["context"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_request_that_breaks_a_rule_is_refused_with_the_path_of_the_field(
    client: Client, case: str
) -> None:
    request, fields = BROKEN[case]
    refusal = client.refusal(request)
    assert (refusal.status, refusal.reason, refusal.domain) == (INVALID, "INVALID_REQUEST", "nextbest")
    assert refusal.fields == fields
    assert all(description for _, description in refusal.violations)


UNKNOWN: dict[str, tuple[Request, list[str]]] = {
    "placement": (question("attic"), ["placements[0].id"]),
    "placement without an id": (question(""), ["placements[0].id"]),
    "candidate": (question(candidate_action_ids=["credit", "x"]), ["candidate_action_ids[1]"]),
    "excluded": (question(asked(excluded_action_ids=["x"])), ["placements[0].excluded_action_ids[0]"]),
    "channel": (question(channel="kiosk"), ["channel"]),
    "brand": (question(brand="acme"), ["brand"]),
    "goal": (question(goal="world-peace"), ["goal"]),
    "all at once": (
        question(asked("attic", excluded_action_ids=["x"]), "home", channel="kiosk", brand="a", goal="b"),
        ["brand", "goal", "placements[0].excluded_action_ids[0]", "placements[0].id", "channel"],
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_name_that_the_catalog_does_not_have_is_not_found(client: Client, case: str) -> None:
    request, fields = UNKNOWN[case]
    refusal = client.refusal(request)
    assert (refusal.status, refusal.reason, refusal.domain) == (NOT_FOUND, "UNKNOWN_REFERENCE", "nextbest")
    assert refusal.fields == fields


SOUND: dict[str, Request] = {
    "request id": question(request_id="x" * 64),
    "eight identities": question(identities=named(*[PERSON] * 8)),
    "longest id": question(identities=named(("customer", "é" * 64))),
    "longest namespace": question(identities=named(("N" * 32, "x"))),
    "mixed case": question(identities=named(("Customer_No1", "x"))),
    "maximum": question(asked(limit=10)),
    "most candidates": question(candidate_action_ids=["credit"] * 1000),
    "most excluded": question(asked(excluded_action_ids=["credit"] * 1000)),
    "longest text": question(context=Context(strings={"page": "é" * 512})),
    "largest int": question(context=number("visits", 1 - 2.0**53)),
    "latest time": question(context=number("last_visit", 253_402_300_799_999.0)),
    "earliest time": question(context=number("last_visit", -62_135_596_800_000.0)),
    "longest list": question(
        context=Context(lists={"cart": value_pb2.StringList(values=["b" * 1024] * 256)})
    ),
    "all types": question(
        context=Context(
            strings={"page": ""}, numbers={"basket_value": 5e-324, "visits": 0}, flags={"first_time": False}
        )
    ),
    "audit of a dry run": question(audit_mode=decision_pb2.AUDIT_MODE_REQUIRED, dry_run=True),
    "audit first": question(audit_mode=decision_pb2.AUDIT_MODE_REQUIRED),
    "audit as far as possible": question(audit_mode=decision_pb2.AUDIT_MODE_BEST_EFFORT),
    "locale": question(locale="zh-Hans-CN"),
}


@pytest.mark.parametrize("case", SOUND)
def test_what_the_contract_allows_is_answered(client: Client, case: str) -> None:
    request = SOUND[case]
    if case == "longest list":  # 256 KiB of list alone would be too large a message
        request.context.lists["cart"].values[200:] = ["b"] * 56
    assert client.decide(request).decision_id


def test_a_key_that_is_too_long_is_told_so_and_not_only_that_it_is_unknown(client: Client) -> None:
    ((_, description),) = client.refusal(question(context=Context(strings={"k" * 65: "x"}))).violations
    assert description == "a key has at most 64 bytes"


def test_all_violations_are_reported_at_once_unknown_names_included(client: Client) -> None:
    request = question(
        asked("attic", limit=-1, action_types=[99]),
        asked("home", limit=99, excluded_action_ids=["nothing"]),
        request_id="x" * 65,
        identities=named(("", "")),
        direction=99,
        explain_level=99,
        audit_mode=99,
        locale="?",
        brand="acme",
        context=Context(strings={"mood": "x"}, numbers={"visits": 0.5}),
    )
    refusal = client.refusal(request)
    assert (refusal.status, refusal.reason) == (INVALID, "INVALID_REQUEST")
    assert sorted(refusal.fields) == sorted(
        [
            "request_id",
            "identities[0].namespace",
            "identities[0].id",
            "placements[0].limit",
            "placements[0].action_types[0]",
            "placements[0].id",
            "placements[1].limit",
            "placements[1].excluded_action_ids[0]",
            "direction",
            "explain_level",
            "audit_mode",
            "locale",
            "brand",
            'context.strings["mood"]',
            'context.numbers["visits"]',
        ]
    )
    assert refusal.message == "15 fields are invalid"


def test_more_violations_than_a_trailer_can_hold_still_reach_the_caller(client: Client) -> None:
    refusal = client.refusal(question(candidate_action_ids=["x"] * 1000))
    assert (refusal.status, refusal.reason) == (NOT_FOUND, "UNKNOWN_REFERENCE")
    assert 20 < len(refusal.violations) < 1000
    assert refusal.message.endswith(f"the first {len(refusal.violations)} are listed")
    assert len(refusal.raw) < 6000


def test_no_sent_value_comes_back_in_an_error(client: Client) -> None:
    """The fixture `still_serving` looks for the canary in the service's log as well."""
    request = question(
        asked(CANARY, excluded_action_ids=[CANARY]),
        request_id=CANARY * 3,
        identities=named((CANARY, CANARY * 5)),
        channel=CANARY,
        brand=CANARY,
        goal=CANARY,
        locale=CANARY,
        candidate_action_ids=[CANARY],
        context=Context(
            strings={"page": CANARY * 50, "visits": CANARY},
            lists={"cart": value_pb2.StringList(values=[CANARY * 50])},
        ),
    )
    refusal = client.refusal(request)
    assert len(refusal.violations) == 13
    assert CANARY not in refusal.message
    assert CANARY.encode() not in refusal.raw


def test_a_broken_request_is_told_so_before_the_audit_is(client: Client) -> None:
    refusal = client.refusal(question("attic", audit_mode=decision_pb2.AUDIT_MODE_REQUIRED))
    assert refusal.reason == "UNKNOWN_REFERENCE"
