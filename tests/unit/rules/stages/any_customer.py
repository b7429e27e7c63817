"""Any customer of a catalog at any moment, drawn by lot from what the catalog declares.

Hypothesis chooses the seeds only: to draw every value of a situation by itself would take a hundred times as
long, and a failure names the seed that repeats it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from worlds import DAY, HOUR

from nextbest_rules import Catalog, Situation, ValueType
from nextbest_rules.dates import iso
from nextbest_rules.declarations import Schema
from nextbest_rules.records import Consent, Contact, Event, Kill, Outcome, Purchase, Ticket
from nextbest_rules.terms import Direction

T = TypeVar("T")

TEXTS = ["", "new", "it", "teacher", "landing", "morning", "evening", "abroad", "Europe/Berlin", "nonsense"]
EVENTS = [
    "mention.posted",
    "payment.failed",
    "application.started",
    "cart.abandoned",
    "order.rescued",
    "visit",
]
SEVERITIES = ["", "low", "high"]
INTS = [-1, 0, 1, 9, 17, 18, 24, 30, 65, 5_000_000, 20_000_000]
DOUBLES = [-1.0, 0.0, 0.3, 0.6, 1.0, 25.0, 1e6, 1e8, float("inf"), float("nan")]


def any_customer(catalog: Catalog, seed: int) -> Situation:
    """Return a situation in which anything may be known, unknown, unreadable or of a wrong type.

    Every second customer is at ease: has agreed to everything, has nothing to complain of, and has heard a
    lot about a few actions only. So the rules of later stages have their say, too.
    """
    lot = _Lot(catalog, Random(seed))
    situation = lot.situation()
    return lot.at_ease(situation) if seed % 2 else situation


@dataclass(frozen=True)
class _Lot:
    catalog: Catalog
    random: Random

    def situation(self) -> Situation:
        catalog, random = self.catalog, self.random
        return Situation(
            now_ms=self.moment(),
            known=random.random() < 0.5,
            channel=random.choice(catalog.channels),
            direction=random.choice(list(Direction)),
            brand=random.choice([catalog.default_brand, catalog.default_brand, "", *catalog.brands]),
            goal=random.choice(["", *catalog.goals]),
            facts=self.readable(self.values(catalog.facts)),
            facts_as_of=self.perhaps(self.moment),
            features={
                item.name: random.uniform(-1, 10) for item in catalog.features if random.random() < 0.7
            },
            features_as_of=self.perhaps(self.moment),
            context=self.values(catalog.context),
            consents=self.readable(self.several(self.consent)),
            tickets=self.readable(self.several(self.ticket)),
            purchases=self.readable(self.several(self.purchase)),
            events=self.readable(self.several(self.event)),
            contacts=self.readable(_newest_first(self.several(self.contact, most=8))),
            killed=dict(self.several(lambda: (self.action(), self.kill()), most=2)),
            volumes=self.readable(
                dict(self.several(lambda: (self.action(), random.randint(0, 2_000)), most=2))
            ),
            contact_at_ms=self.perhaps(lambda: self.moment() + HOUR, 0.2),
        )

    def at_ease(self, situation: Situation) -> Situation:
        now_ms, heard_of = situation.now_ms, [self.action() for _ in range(2)]
        heard = tuple(
            self.contact()._replace(
                action=self.random.choice(heard_of), at_ms=now_ms - self.random.randint(0, 7 * DAY)
            )
            for _ in range(self.random.randint(0, 16))
        )
        return situation._replace(
            facts=self.values(self.catalog.facts),
            facts_as_of=now_ms,
            consents=(Consent(granted=True, at_ms=now_ms - DAY),),
            tickets=(),
            purchases=self.several(self.purchase, most=1),
            events=self.several(self.event, most=1),
            contacts=_newest_first(tuple(map(self.known, heard))),
            volumes={},
            contact_at_ms=None,
        )

    def moment(self) -> int:
        """Return a moment around the catalog's clock: a near one more often than a distant one."""
        now_ms = self.catalog.clock_ms or 0
        if self.random.random() < 0.6:
            return now_ms + self.random.randint(-2 * DAY, DAY)
        return now_ms + self.random.randint(-800 * DAY, 40 * DAY)

    def readable(self, value: T) -> T | None:
        return None if self.random.random() < 0.06 else value

    def perhaps(self, draw: Callable[[], T], chance: float = 0.6) -> T | None:
        return draw() if self.random.random() < chance else None

    def several(self, draw: Callable[[], T], most: int = 3) -> tuple[T, ...]:
        return tuple(draw() for _ in range(self.random.choice([0, 1, self.random.randint(0, most)])))

    def values(self, schema: Schema) -> dict[str, object]:
        return {
            name: self.value(declared.type)
            for name, declared in schema.declarations.items()
            if self.random.random() < 0.7
        }

    def value(self, value_type: ValueType) -> object:
        random = self.random
        drawn: dict[ValueType, object] = {
            ValueType.STRING: random.choice(TEXTS),
            ValueType.INT: random.choice(INTS),
            ValueType.DOUBLE: random.choice(DOUBLES),
            ValueType.BOOL: random.random() < 0.3,
            ValueType.TIMESTAMP: iso(self.moment()),
            ValueType.STRINGS: random.choices(TEXTS, k=random.randint(0, 3)),
        }
        return random.choice([None, 3, "x"]) if random.random() < 0.04 else drawn.get(value_type)

    def action(self) -> str:
        return self.random.choice([*self.catalog.index, "gone"])

    def kill(self) -> Kill:
        return Kill("why", self.moment(), self.perhaps(self.moment))

    def subject(self) -> tuple[str, str]:
        """Return a product and a category that some action is about."""
        about = self.random.choice(self.catalog.actions).about
        products, categories = sorted(about.products) or ["x"], sorted(about.categories) or [""]
        return self.random.choice(products), self.random.choice(categories)

    def ticket(self) -> Ticket:
        kind = self.random.choice(["fault", "complaint", "dispute", "question"])
        products = self.several(lambda: self.subject()[0], most=2)
        severity = self.random.choice(SEVERITIES)
        return Ticket("T", kind, severity, products, (), self.moment(), self.perhaps(self.moment))

    def purchase(self) -> Purchase:
        product, category = self.subject()
        times = self.perhaps(self.moment), self.perhaps(self.moment, 0.3)
        return Purchase(product, category, "store", *times)

    def event(self) -> Event:
        kind, severity = self.random.choice(EVENTS), self.random.choice(SEVERITIES)
        times = self.perhaps(self.moment, 0.9), self.perhaps(self.moment, 0.4)
        products = self.several(lambda: self.subject()[0], most=2)
        return Event(kind, "", severity, "", products, (), *times)

    def consent(self) -> Consent:
        channel = self.random.choice(["", *self.catalog.channels])
        purpose = self.random.choice(["", *self.catalog.purposes])
        expires = self.perhaps(self.moment, 0.3)
        return Consent(self.random.random() < 0.8, self.moment(), channel, purpose, expires)

    def contact(self) -> Contact:
        channel, brand = (
            self.random.choice(self.catalog.channels),
            self.random.choice(["", *self.catalog.brands]),
        )
        outcome, decision = self.random.choice(list(Outcome)), self.random.choice(["", "d1", "d2"])
        bare = Contact(self.action(), outcome, self.moment(), channel, brand, decision=decision)
        return self.known(bare)

    def known(self, contact: Contact) -> Contact:
        """Return a contact as the history keeps it: with what its action was then."""
        bit = self.catalog.index.get(contact.action)
        if bit is None:
            return contact._replace(type="OFFER", issue="", group="")
        action = self.catalog.actions[bit]
        return contact._replace(type=str(action.type), issue=action.issue, group=action.group)


def _newest_first(contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    return tuple(sorted(contacts, key=lambda contact: -contact.at_ms))
