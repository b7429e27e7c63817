"""What holds whatever breaks: pure functions from what callers were told and the store says to violations."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from acks import Contact, Customer, Decided, Held, Kind, Told

CAP = 3
CAPPED = frozenset({"first", "second", "coupon"})
OFFERS = frozenset({"first", "second"})
FORBIDDEN: Mapping[Kind, frozenset[str]] = {
    Kind.PLAIN: frozenset(),
    Kind.TROUBLED: frozenset({"upgrade"}),
    Kind.UNWILLING: OFFERS,
    Kind.SILENT: OFFERS,
}
"""What guards and consent keep from customers, on every rung."""
ALL_FORBIDDEN = frozenset().union(*FORBIDDEN.values())


def exceeded_caps(decided: Iterable[Decided]) -> Iterator[str]:
    """Yield every action that was given to somebody too often; a repeated answer is the same decision."""
    given: dict[tuple[str, str], set[str]] = defaultdict(set)
    for it in decided:
        for shown in it.shown:
            if shown.action in CAPPED:
                given[it.customer.name, shown.action].add(it.decision_id)
    for (customer, action), decisions in given.items():
        if len(decisions) > CAP:
            yield f"{customer} was given {action} {len(decisions)} times"


def exceeded_in_store(held: Mapping[str, Held]) -> Iterator[str]:
    """Yield every action that stands in the history of somebody too often."""
    for customer, one in held.items():
        taken = {(decision, action) for decision, action, _ in one.contacts} | {*one.reserved}
        counts = Counter(action for _, action in taken if action in CAPPED)
        for action, count in counts.items():
            if count > CAP:
                yield f"{customer} has {action} {count} times in the store"


def shown_against_rules(decided: Iterable[Decided], turned: Mapping[Customer, float]) -> Iterator[str]:
    """Yield what was shown to customers although a guard or missing consent forbids it.

    turned: since when, in monotonic seconds, all of that holds for some of whom nothing was known before.
    """
    for it in decided:
        has_turned = it.began >= turned.get(it.customer, math.inf)
        forbidden = ALL_FORBIDDEN if has_turned else FORBIDDEN[it.customer.kind]
        for shown in it.shown:
            if shown.action in forbidden:
                whose = f"{it.customer.name} ({it.customer.kind.name}{', turned' * has_turned})"
                yield f"{whose} was shown {shown.action} on {it.rung}"


def crossed(decided: Iterable[Decided]) -> Iterator[str]:
    """Yield answers that belong to somebody else."""
    for it in decided:
        for shown in it.shown:
            if shown.tag not in ("", it.customer.name):
                yield f"{it.customer.name} got what is for {shown.tag}"
            if shown.action == "note" and not shown.tag:
                yield f"{it.customer.name} got a note that says nothing"


def lost_or_doubled(told: Mapping[Customer, Told], held: Mapping[str, Held]) -> Iterator[str]:
    """Yield outcomes and events that were acknowledged and are not in the store once, or the reverse."""
    for customer, acknowledged in told.items():
        one = held[customer.name]
        yield from _differences(customer.name, acknowledged.contacts, one.contacts)
        if one.orders != acknowledged.orders:
            yield f"{customer.name} has {one.orders} orders, told were {acknowledged.orders}"
        clicks = sum(count for (_, _, kind), count in acknowledged.contacts.items() if kind == "CLICKED")
        if one.clicks != clicks:
            yield f"{customer.name} has {one.clicks} clicks, told were {clicks}"


def missing_in_log(told: Mapping[Customer, Told], logged: Counter[Contact]) -> Iterator[str]:
    """Yield outcomes that were acknowledged and are not in the decision log exactly once."""
    acknowledged: Counter[Contact] = Counter()
    for one in told.values():
        acknowledged.update(one.contacts)
    own = Counter({contact: logged[contact] for contact in acknowledged if logged[contact]})
    yield from _differences("the log", acknowledged, own)


def _differences(whose: str, expected: Counter[Contact], found: Counter[Contact]) -> Iterator[str]:
    for contact in expected | found:
        if expected[contact] != found[contact]:
            yield f"{whose}: {contact} is there {found[contact]} times, told {expected[contact]} times"
