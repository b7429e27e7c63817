"""Check a suite against its catalog: all that it names must be there, and what it expects must make sense."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from nextbest_rules.assignment import HELD
from nextbest_rules.catalog import Catalog
from nextbest_rules.rulebook import rule_ids
from nextbest_rules.trials.documents import (
    ONLY_PLACEMENT,
    CustomerDocument,
    ExpectDocument,
    PropositionDocument,
    RequestDocument,
    SuiteDocument,
    TestDocument,
)
from nextbest_rules.trials.places import Path, PathFault, unknown
from nextbest_rules.trials.requests import Asked, merged
from nextbest_rules.trials.state import state_faults, value_faults

Faults: TypeAlias = Iterator[PathFault]


def check(suite: SuiteDocument, catalog: Catalog) -> Faults:
    """Yield every fault of a suite that has the right shape."""
    if suite.now.relative:
        yield PathFault(("now",), "the suite's clock is an instant, such as 2026-03-02T10:00:00Z")
    for name, state in suite.customers.items():
        yield from state_faults(state, catalog, ("customers", name))
    yield from _request_faults(suite.request, catalog, ("request",))
    first: dict[str, int] = {}
    for number, test in enumerate(suite.tests):
        path = ("tests", number)
        if first.setdefault(test.name, number) != number:
            yield PathFault((*path, "name"), f"duplicate test '{test.name}' in this suite")
        yield from _test_faults(test, suite, catalog, path)


def _test_faults(test: TestDocument, suite: SuiteDocument, catalog: Catalog, path: Path) -> Faults:
    if test.customer is not None:
        yield from _customer_faults(test.customer, suite, catalog, (*path, "customer"))
    yield from _listed(test.killed, catalog.index, (*path, "killed"), "action")
    yield from _keys(test.volumes, catalog.index, (*path, "volumes"), "action")
    yield from _arm_faults(test, catalog, (*path, "arms"))
    yield from _request_faults(test.request, catalog, (*path, "request"))
    asked = merged(suite.request, test.request)
    if asked.placements:
        yield from _merged_faults(asked, catalog, (*path, "request"))
    else:
        yield PathFault(path, "the test asks no placement: give request.placement")
    yield from _expect_faults(test.expect, asked, catalog, (*path, "expect"))


def _arm_faults(test: TestDocument, catalog: Catalog, path: Path) -> Faults:
    known = {holdout.id: [HELD] for holdout in catalog.experimentation.holdouts}
    known |= {it.id: [arm.id for arm in it.arms] for it in catalog.experimentation.experiments}
    yield from _keys(test.arms, known, path, "holdout or experiment")
    for name, arm in test.arms.items():
        if name in known and arm not in known[name]:
            yield PathFault((*path, name), unknown("arm", arm, known[name]))


def _customer_faults(
    customer: CustomerDocument, suite: SuiteDocument, catalog: Catalog, path: Path
) -> Faults:
    if customer.like is not None and customer.like not in suite.customers:
        named_in_full = customer.model_fields_set == {"like"}
        place = path if named_in_full else (*path, "like")
        yield PathFault(place, unknown("customer", customer.like, suite.customers))
    yield from state_faults(customer, catalog, path)


# --- requests


def _request_faults(request: RequestDocument, catalog: Catalog, path: Path) -> Faults:
    for key, name, known in (
        ("placement", request.placement, catalog.placements),
        ("channel", request.channel, catalog.channels),
        ("brand", request.brand, catalog.brands),
        ("goal", request.goal, catalog.goals),
    ):
        if name is not None and name not in known:
            yield PathFault((*path, key), unknown(key, name, known))
    yield from _keys(request.placements or (), catalog.placements, (*path, "placements"), "placement")
    yield from _listed(request.candidates or (), catalog.index, (*path, "candidates"), "action")
    yield from _listed(request.excluded or (), catalog.index, (*path, "excluded"), "action")
    yield from value_faults(request.context or {}, catalog.context, (*path, "context"), "context value")


def _merged_faults(asked: Asked, catalog: Catalog, path: Path) -> Faults:
    """Yield what does not fit together once the suite's defaults are in."""
    known = {name: catalog.placements[name] for name in asked.placements if name in catalog.placements}
    for name, placement in known.items():
        limit = asked.placements[name]
        if limit is not None and limit > placement.max_limit:
            yield PathFault(path, f"placement '{name}' gives at most {placement.max_limit}, not {limit}")
        if asked.channel in catalog.channels and asked.channel not in placement.channels:
            yield PathFault(path, f"placement '{name}' is not on channel '{asked.channel}'")
        if asked.direction not in (None, placement.direction.value):
            yield PathFault(path, f"placement '{name}' is {placement.direction}, not {asked.direction}")


# --- expectations


def _expect_faults(expect: ExpectDocument, asked: Asked, catalog: Catalog, path: Path) -> Faults:
    if expect.first is not None:
        yield from _known_action(expect.first, catalog, (*path, "first"))
    yield from _listed(expect.includes or (), catalog.index, (*path, "includes"), "action")
    yield from _listed(expect.lacks or (), catalog.index, (*path, "lacks"), "action")
    yield from _offered_faults(expect, asked, catalog, (*path, "offered"))
    yield from _keys(expect.excluded or (), catalog.index, (*path, "excluded"), "action")
    rules = rule_ids(catalog)
    for action, exclusion in (expect.excluded or {}).items():
        if exclusion.rule and exclusion.rule not in rules:
            yield PathFault((*path, "excluded", action, "rule"), unknown("rule", exclusion.rule, rules))
    for action, proposition in (expect.propositions or {}).items():
        yield from _proposition_faults(action, proposition, catalog, (*path, "propositions", action))


def _offered_faults(expect: ExpectDocument, asked: Asked, catalog: Catalog, path: Path) -> Faults:
    for placement, actions in (expect.offered or {}).items():
        only = placement == ONLY_PLACEMENT
        if only and len(asked.placements) > 1:
            yield PathFault(
                path, "several placements are asked: say what each one offers, as {placement: [..]}"
            )
        elif not only and placement not in asked.placements:
            yield PathFault((*path, placement), f"placement '{placement}' is not asked", at_key=True)
        yield from _listed(actions, catalog.index, path if only else (*path, placement), "action")


def _proposition_faults(
    action_id: str, expected: PropositionDocument, catalog: Catalog, path: Path
) -> Faults:
    if action_id not in catalog.index:
        yield PathFault(path, unknown("action", action_id, catalog.index), at_key=True)
        return
    action = catalog.actions[catalog.index[action_id]]
    treatments = {treatment.id for treatment in action.treatments}
    if expected.treatment and expected.treatment not in treatments:
        yield PathFault((*path, "treatment"), unknown("treatment", expected.treatment, treatments))
    parameters = {name for treatment in action.treatments for name in treatment.parameters}
    yield from _keys(expected.parameters or (), parameters, (*path, "parameters"), "parameter")
    if expected.channel is not None and expected.channel not in catalog.channels:
        yield PathFault((*path, "channel"), unknown("channel", expected.channel, catalog.channels))


def _known_action(name: str, catalog: Catalog, path: Path) -> Faults:
    if name not in catalog.index:
        yield PathFault(path, unknown("action", name, catalog.index))


def _listed(names: Iterable[str], known: Iterable[str], path: Path, what: str) -> Faults:
    declared = frozenset(known)
    for index, name in enumerate(names):
        if name not in declared:
            yield PathFault((*path, index), unknown(what, name, declared))


def _keys(names: Iterable[str], known: Iterable[str], path: Path, what: str) -> Faults:
    declared = frozenset(known)
    for name in names:
        if name not in declared:
            yield PathFault((*path, name), unknown(what, name, declared), at_key=True)
