"""Whatever is done in whatever order, with faults in between: people are as a model of some lines says.

The model is `reference_model.py`. Hypothesis thinks up histories; after each step everybody is looked at.
`make fuzz MINUTES=10` thinks up more of them.
"""

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from patience import WITHOUT_STORE
from reference_model import DEAR_THIRD, NOTE, OFFERS, Reference
from served_history import BROKEN, CHEAP, DEAR, Served, offers, question, served
from service_calls import event, identity, item, outcome, values

from nextbest.v1 import customer_pb2, error_pb2, outcome_pb2, profile_pb2

MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))
EXAMPLES, STEPS = (20, 40) if MINUTES else (8, 25)
NAMES = ("customer:a", "customer:b", "cookie:c", "device:d")
APPLIED, DUPLICATE = error_pb2.ITEM_STATUS_APPLIED, error_pb2.ITEM_STATUS_DUPLICATE
STALE = error_pb2.ITEM_STATUS_STALE
names = st.sampled_from(NAMES)
picks = st.integers(0, 5)


@pytest.fixture(scope="module")
def world(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The processes under test: one pair for all histories, each of which has people of its own."""
    catalog = repository / "tests" / "catalogs" / "remembered"
    with served(tmp_path_factory.mktemp("histories"), catalog) as found:
        yield found


def test_people_are_as_the_model_says_whatever_happens(world: Served) -> None:
    History.world, until = world, time.monotonic() + 60 * MINUTES / 4
    while True:
        run_state_machine_as_test(
            History,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=not MINUTES,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        if time.monotonic() >= until:
            break


class History(RuleBasedStateMachine):
    """One history: what is done to the service is done to the model, and both are compared."""

    world: ClassVar[Served]
    numbers: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.model = Reference()
        self.number = next(self.numbers)
        self.now_ms = time.time_ns() // 1_000_000 - 3_600_000
        self.rests = 1
        """How often something may happen that takes seconds."""
        self.tokens: list[tuple[str, str, str]] = []
        """Name, token and offer of all that was proposed to those who were not erased since."""
        self.sent: list[tuple[str, Any]] = []
        self.reported: list[tuple[str, Any]] = []
        self.asked: list[tuple[str, Any, Any]] = []

    @initialize()
    def cheap_again(self) -> None:
        """Begin with the catalog as it is written, and with two who may be offered something."""
        self.swap_prices(dear=False)
        for name in NAMES[:2]:
            self.consent(name, yes=True)
            self.decide(name, limit=2)

    # what is asked and told

    @rule(name=names, limit=st.integers(1, 2))
    def decide(self, name: str, limit: int) -> None:
        """Propose something: it is reserved at once."""
        request = question(self.who(name), limit=limit, request_id=f"{self.number}-{next(self.numbers)}")
        expected = self.model.offered(name)[:limit]
        answer = self.world.calls.decide(request)
        assert offers(answer) == expected
        for proposition in answer.placements[0].propositions:
            if proposition.action_id != NOTE:
                self.model.portion(name).taken[proposition.token] = proposition.action_id
                self.tokens.append((name, proposition.token, proposition.action_id))
        self.asked.append((name, request, answer))

    @precondition(lambda self: self.asked)
    @rule(pick=picks)
    def decide_again(self, pick: int) -> None:
        """Ask the same question: the answer is the same, and nothing more is reserved."""
        _, request, answer = self.asked[pick % len(self.asked)]
        assert self.world.calls.decide(request) == answer

    @precondition(lambda self: self.tokens)
    @rule(pick=picks, kind=st.sampled_from(["DISPLAYED", "CLICKED", "REJECTED", "WITHHELD"]))
    def report(self, pick: int, kind: str) -> None:
        """Tell what came of a proposition; what was given back is told nothing more about."""
        name, token, offer = self.tokens[pick % len(self.tokens)]
        told = outcome(token, kind)
        assert self.world.calls.report(told) == [APPLIED]
        self.reported.append((name, told))
        portion = self.model.portion(name)
        if kind == "REJECTED":
            portion.refused.add(offer)
        elif kind == "CLICKED":
            portion.clicks.add(told.id)
        if kind == "WITHHELD":
            portion.taken.pop(token)
        if kind != "CLICKED":
            self.tokens.remove((name, token, offer))

    @precondition(lambda self: self.reported)
    @rule(pick=picks)
    def report_again(self, pick: int) -> None:
        """Tell it again: nothing changes."""
        _, told = self.reported[pick % len(self.reported)]
        assert self.world.calls.report(told) == [DUPLICATE]

    @rule(name=names, amount=st.integers(0, 9))
    def order(self, name: str, amount: int) -> None:
        """Tell of an order."""
        told = event(self.who(name), "order.placed", self.tick(), items=[item("p", amount=float(amount))])
        assert self.world.calls.track(told) == [APPLIED]
        portion = self.model.portion(name)
        portion.orders[told.id], portion.told = float(amount), True
        self.sent.append((name, told))

    @precondition(lambda self: self.sent)
    @rule(pick=picks, data=st.data())
    def order_again(self, pick: int, data: st.DataObject) -> None:
        """Tell it again, under any name of the same person: it is counted once."""
        name, told = self.sent[pick % len(self.sent)]
        other = data.draw(st.sampled_from(sorted(self.model.person(name))))
        del told.identities[:]
        told.identities.append(self.who(other))
        assert self.world.calls.track(told) == [DUPLICATE]

    @rule(name=names, yes=st.booleans())
    def consent(self, name: str, yes: bool) -> None:
        """Somebody agrees to marketing, or not any more."""
        state = profile_pb2.CONSENT_STATE_GRANTED if yes else profile_pb2.CONSENT_STATE_DENIED
        at_ms = self.tick()
        consents = [profile_pb2.Consent(purpose="marketing", state=state)]
        assert self.upsert(name, at_ms, consents=consents) == [APPLIED]
        self.model.portion(name).consent = at_ms, yes
        self.model.portion(name).told = True

    @rule(name=names)
    def write(self, name: str) -> None:
        """Something is known about somebody."""
        at_ms = self.tick()
        assert self.upsert(name, at_ms, attributes=values({"tag": f"tag {at_ms}"})) == [APPLIED]
        self.model.portion(name).tag = at_ms, f"tag {at_ms}"
        self.model.portion(name).told = True

    @precondition(lambda self: any(part.tag[0] for part in self.model.portions.values()))
    @rule(data=st.data())
    def write_late(self, data: st.DataObject) -> None:
        """What is older than what is held overwrites nothing."""
        held = sorted(name for name, part in self.model.portions.items() if part.tag[0])
        name = data.draw(st.sampled_from(held))
        at_ms = self.model.portion(name).tag[0] - 1
        assert self.upsert(name, at_ms, attributes=values({"tag": "late"})) == [STALE]

    # who is who

    @rule(one=names, other=names)
    def link(self, one: str, other: str) -> None:
        """Two are one person."""
        if one == other:
            return
        linked = self.world.calls.link(self.who(one), self.who(other))
        self.model.link(one, other)
        assert {(it.namespace, it.id) for it in linked.identities} == {
            (it.namespace, it.id) for it in map(self.who, self.model.person(one))
        }
        self.asked.clear()

    @rule(name=names)
    def unlink(self, name: str) -> None:
        """One of them is somebody else after all."""
        unlinked = self.world.calls.unlink(self.who(name)).unlinked
        assert bool(unlinked) == (len(self.model.person(name)) > 1)
        self.model.unlink(name)
        self.asked.clear()

    @rule(name=names)
    def erase(self, name: str) -> None:
        """Somebody is forgotten, under all names."""
        self.world.calls.erase(self.who(name))
        gone = self.model.erase(name)
        for _, token, _ in [it for it in self.tokens if it[0] in gone]:
            told = outcome_pb2.ReportOutcomesRequest(outcomes=[outcome(token, "DISPLAYED")])
            (result,) = self.world.calls.outcomes.ReportOutcomes(told, timeout=20).results
            assert result.error.reason == "UNKNOWN_DECISION"
        self.tokens = [it for it in self.tokens if it[0] not in gone]
        self.reported = [it for it in self.reported if it[0] not in gone]
        self.sent = [it for it in self.sent if it[0] not in gone]
        for member in gone:
            assert self.world.calls.export(self.who(member)) == []
        for _, request, answer in [it for it in self.asked if it[0] in gone][:1]:
            assert self.world.calls.decide(request).decision_id != answer.decision_id
        self.asked.clear()

    # what goes wrong, and what operators do

    @rule(name=names)
    def lose_the_store(self, name: str) -> None:
        """While the store is away nobody gets what a rule could stop; then everything is there as it was."""
        with self.world.store_stopped():
            answer = self.world.calls.decide(question(self.who(name), limit=10))
            assert {it.reason for it in answer.degraded} & WITHOUT_STORE, answer
            assert {*offers(answer)} <= {NOTE}, "nothing is known of consent, nor of caps"
            request = customer_pb2.GetCustomerRequest(identity=self.who(name))
            get = self.world.calls.customers.GetCustomer
            assert self.world.refusal(get, request) == "STORE_UNAVAILABLE"
        self.world.await_store(question(self.who(name), dry_run=True))

    @precondition(lambda self: self.rests)
    @rule()
    def lose_the_service(self) -> None:
        """The service is killed: the next one knows what it knew."""
        self.rests -= 1
        self.world.kill_service()

    @precondition(lambda self: self.rests)
    @rule()
    def raise_prices(self) -> None:
        """Operators change the catalog while it is served."""
        self.rests -= 1
        self.swap_prices(dear=True)

    def swap_prices(self, *, dear: bool) -> None:
        """Have the catalog served with other prices."""
        if dear != (DEAR in self.world.offers_text()):
            assert self.world.reload(*((CHEAP, DEAR) if dear else (DEAR, CHEAP)))
        self.model.order = DEAR_THIRD if dear else OFFERS

    @precondition(lambda self: self.rests)
    @rule()
    def break_the_catalog(self) -> None:
        """A catalog with a mistake is not served: the last good one is."""
        self.rests -= 1
        here = DEAR if DEAR in self.world.offers_text() else CHEAP
        assert not self.world.reload(here, BROKEN)

    # what must hold after every step

    @invariant()
    def everybody_is_as_the_model_says(self) -> None:
        """Look at everybody, and leave no trace."""
        for name in NAMES:
            note(f"about {name}: {self.model.portions.get(name)}, one of {self.model.person(name)}")
            answer = self.world.calls.decide(question(self.who(name), limit=10, dry_run=True))
            assert offers(answer) == self.model.offered(name)
            assert answer.customer_known == self.model.known(name)
            tags = [it.parameters["tag"].string_value for it in answer.placements[0].propositions[-1:]]
            assert tags == [self.model.tag(name)]
            view = self.world.calls.get(self.who(name))
            if self.model.known(name):
                found = {it.name: it.value for it in view.customer.features}
                assert found == self.model.figures(name)

    def who(self, name: str) -> Any:
        """Return a name as the contract writes it, another one in each history."""
        namespace, id_ = name.split(":")
        return identity(namespace, f"{id_}-{self.number}")

    def tick(self) -> int:
        """Return a time that is later than all before."""
        self.now_ms += 2
        return self.now_ms

    def upsert(self, name: str, at_ms: int, **fields: Any) -> list[int]:
        """Write a profile."""
        profile = profile_pb2.Profile(identities=[self.who(name)], as_of_unix_ms=at_ms, **fields)
        return self.world.calls.upsert(profile)
