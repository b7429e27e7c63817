"""The standard work's customers: real households, each as it was at several times of its year.

Everything is moved to the catalog's clock, so that windows and fading numbers have something to look at. What
the data set does not have is drawn with a fixed seed: a history of contacts, and in how many of the aisles
that a household likes best it shops, which is what leaves each about as many candidates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.definitions import DAY_MS
from nextbest_models.history import EventLog, Stream, Touches
from nextbest_models.online import FeatureState, OnlineFeatures
from nextbest_rules import Action, Catalog
from nextbest_rules.records import Contact, Outcome
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.loading import NAMESPACE
from nextbest_service.store.keys import Identity, KeyRing

MAIN_CAMPAIGN = "18"
WEEKS_AGO = (0, 4, 8, 12, 16)
CONTACTS = 20
FEWEST_OFFERS, MOST_OFFERS = 88, 104
"""Where the number of offers is drawn from that a household's aisles should come to."""
_OLDEST_DAYS = 40
_OUTCOMES = (
    (Outcome.DELIVERED, "email", 11),
    (Outcome.DISPLAYED, "web", 6),
    (Outcome.CLICKED, "web", 2),
    (Outcome.DISMISSED, "web", 1),
)


@dataclass(frozen=True, slots=True)
class Households:
    """Who takes part, and where each likes to shop: aisles, the best first, by position in the log."""

    journey: CompleteJourney
    live: Sequence[Action]
    clock_ms: int
    favourites: Sequence[Sequence[str]]

    @classmethod
    def of(cls, journey: CompleteJourney, catalog: Catalog) -> Self:
        """Return the households of a data set, as a catalog sees them at its clock."""
        clock_ms = catalog.clock_ms
        assert clock_ms is not None
        live = [it for it in catalog.actions if any(window.holds(clock_ms) for window in it.valid)]
        return cls(journey, live, clock_ms, _favourites(journey.log, catalog))

    @property
    def count(self) -> int:
        """How many customers there are."""
        facts = self.journey.facts(self.clock_ms).values()
        return len(WEEKS_AGO) * sum(MAIN_CAMPAIGN in own["campaigns"] for own in facts)

    def persons(self, log: EventLog, features: OnlineFeatures, ring: KeyRing) -> Iterator[tuple[str, Person]]:
        """Yield everybody who got the main campaign, once per point of time, with the id."""
        facts = self.journey.facts(self.clock_ms)
        for weeks in WEEKS_AGO:
            moved = _moved(log, self.clock_ms - weeks * 7 * DAY_MS, self.clock_ms)
            states = features.from_snapshot(moved, self.clock_ms)
            for place, (household, state) in enumerate(zip(log.customers, states, strict=True)):
                own = facts[household]
                if MAIN_CAMPAIGN in own["campaigns"]:
                    name = f"{household}-{weeks}"
                    yield name, self._person(name, {**own}, self.favourites[place], state, ring)

    def _person(
        self,
        name: str,
        facts: dict[str, str | list[str]],
        favourites: Sequence[str],
        state: FeatureState,
        ring: KeyRing,
    ) -> Person:
        random, identity = Random(name), Identity(NAMESPACE, name)
        offers = [it for it in self.live if it.attributes["campaign"] in facts["campaigns"]]
        wanted = random.randint(FEWEST_OFFERS, MOST_OFFERS)
        facts["aisles"] = [*_aisles(offers, favourites, wanted)]
        portion = Portion(
            facts=facts,
            facts_as_of=dict.fromkeys(facts, self.clock_ms),
            contacts=_contacts(random, offers, self.clock_ms),
            features=state,
        )
        return Person((Member(ring.ref(identity), identity, portion=portion),))


def _aisles(offers: Sequence[Action], favourites: Sequence[str], wanted: int) -> Iterator[str]:
    """Yield the favourite aisles until they have the wanted number of offers."""
    found = 0
    for aisle in favourites:
        if found >= wanted:
            return
        found += sum(it.attributes["aisle"] == aisle for it in offers)
        yield aisle


def _contacts(random: Random, offers: Sequence[Action], now_ms: int) -> tuple[Contact, ...]:
    weights = [weight for *_, weight in _OUTCOMES]
    ages = sorted(random.randrange(3_600_000, _OLDEST_DAYS * DAY_MS) for _ in range(CONTACTS))
    outcomes = random.choices(_OUTCOMES, weights, k=CONTACTS)
    drawn = zip(ages, random.choices(offers, k=CONTACTS), outcomes, strict=True)
    return tuple(
        Contact(
            action=action.id,
            outcome=outcome.value,
            at_ms=now_ms - age_ms,
            channel=channel,
            type=action.type.value,
            issue=action.issue,
            group=action.group,
            decision=f"{random.getrandbits(128):032x}",
        )
        for age_ms, action, (outcome, channel, _) in drawn
    )


def _favourites(log: EventLog, catalog: Catalog) -> list[list[str]]:
    """Return each household's aisles by how often it bought a kind of product that is on offer there."""
    names = sorted({str(action.attributes["aisle"]) for action in catalog.actions})
    of_key = np.full(len(log.keys), -1, dtype=np.int64)
    for action in catalog.actions:
        kinds = [kind for kind, _ in action.affinity.get("product_type", ())]
        of_key[log.keys.ids_for("product_type", kinds)] = names.index(str(action.attributes["aisle"]))
    touches = log.touches["product_type"]
    aisles = of_key[touches.keys]
    bought = np.zeros((len(log.customers), len(names)), dtype=np.int64)
    np.add.at(bought, (touches.stream.customers[aisles >= 0], aisles[aisles >= 0]), 1)
    order = np.argsort(-bought, axis=1, kind="stable")
    return [[names[place] for place in row] for row in order.tolist()]


def _moved(log: EventLog, until_ms: int, to_ms: int) -> EventLog:
    """Return what happened before a moment as if it had happened before another one."""
    past, by_ms = log.before(until_ms), to_ms - until_ms
    streams = {name: _later(it, by_ms) for name, it in past.streams.items()}
    touches = {family: Touches(_later(it.stream, by_ms), it.keys) for family, it in past.touches.items()}
    return EventLog(past.customers, streams, touches, past.keys)


def _later(stream: Stream, by_ms: int) -> Stream:
    times: NDArray[np.int64] = stream.times_ms + by_ms
    return Stream(stream.customers, times, stream.values)
