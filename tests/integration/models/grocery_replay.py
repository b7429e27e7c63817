"""The real transactions of some households as the events that a shop's systems would send."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from service_calls import event, identity, values

from nextbest.v1 import event_pb2
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.complete_journey.events import Membership, memberships
from nextbest_models.complete_journey.tables import Table, data_directory, read_table
from nextbest_models.definitions import DAY_MS

LINE_COLUMNS = (
    "household_id",
    "basket_id",
    "product_id",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "transaction_timestamp",
)
PRODUCT_COLUMNS = ("product_id", "manufacturer_id", "product_category", "product_type")
SLICE_MS = 45 * DAY_MS  # well below the catalog's late_events
REPEATED_SHARE = 0.03


@dataclass(frozen=True)
class Shelf:
    """The affinity keys of products."""

    journey: CompleteJourney
    members: Mapping[str, Membership]

    @classmethod
    def of(cls, journey: CompleteJourney) -> "Shelf":
        """Return the shelf of the data set's products."""
        products = read_table(data_directory(), "products", PRODUCT_COLUMNS)
        return cls(journey, memberships(journey.offers, products, journey.log.keys))

    def keys(self, product: int) -> list[event_pb2.AffinityKeys]:
        """Return what a product touches."""
        found = []
        for family, membership in self.members.items():
            begin, end = np.searchsorted(membership.products, [product, product + 1])
            names = [self.journey.log.keys.key(key)[1] for key in membership.keys[begin:end].tolist()]
            if names:
                found.append(event_pb2.AffinityKeys(family=family, keys=names))
        return found


def events_of(journey: CompleteJourney, households: Sequence[str], before_ms: int) -> list[event_pb2.Event]:
    """Return everything that happened to some households before a moment, in no order."""
    everything = [*trips(journey, households), *deliveries_and_redemptions(journey, households)]
    return [item for item in everything if item.time_unix_ms < before_ms]


def in_disorder(events: Sequence[event_pb2.Event]) -> Iterator[event_pb2.Event]:
    """Yield events as they come in where systems lag behind: shuffled by weeks, and some of them twice."""
    dice = random.Random(11)
    slices: dict[int, list[event_pb2.Event]] = {}
    for item in events:
        slices.setdefault(item.time_unix_ms // SLICE_MS, []).append(item)
    for _, some in sorted(slices.items()):
        sent = [*some, *dice.sample(some, int(len(some) * REPEATED_SHARE))]
        dice.shuffle(sent)
        yield from sent


def trips(journey: CompleteJourney, households: Sequence[str]) -> Iterator[event_pb2.Event]:
    """Yield one event per basket, with its lines in the order of the receipt."""
    table = read_table(data_directory(), "transactions", LINE_COLUMNS)
    wanted = np.isin(table["household_id"], [int(household) for household in households])
    lines = Table({name: table[name][wanted] for name in LINE_COLUMNS})
    shelf = Shelf.of(journey)
    _, basket = np.unique(lines["basket_id"], return_inverse=True)
    order = np.argsort(basket, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(basket[order])) + 1):
        yield trip(lines, rows, shelf)


def trip(lines: Table, rows: "np.ndarray[tuple[int], np.dtype[np.intp]]", shelf: Shelf) -> event_pb2.Event:
    """Return one basket as an event."""
    first = int(rows[0])
    coupons = int((lines["coupon_disc"][rows] > 0).sum())
    items = [
        event_pb2.EventItem(
            product_id=str(lines["product_id"][row]),
            amount=float(lines["sales_value"][row]),
            affinities=shelf.keys(int(lines["product_id"][row])),
        )
        for row in rows.tolist()
    ]
    told = values(
        {
            "retail_discount": float(lines["retail_disc"][rows].sum()),
            "coupon_lines": coupons,
            "with_coupon": coupons > 0,
        }
    )
    return event(
        identity("customer", str(lines["household_id"][first])),
        "order.placed",
        int(lines["transaction_timestamp"][first]),
        id=f"basket-{lines['basket_id'][first]}",
        items=items,
        properties=told,
    )


def deliveries_and_redemptions(
    journey: CompleteJourney, households: Sequence[str]
) -> Iterator[event_pb2.Event]:
    """Yield what the campaigns sent and what of it was redeemed."""
    names = {"deliveries": "message.delivered", "redemptions": "coupon.redeemed"}
    for stream_name, kind in names.items():
        stream = journey.log.stream(stream_name)
        for customer, time_ms in zip(stream.customers.tolist(), stream.times_ms.tolist(), strict=True):
            household = journey.log.customers[customer]
            if household in households:
                yield event(identity("customer", household), kind, time_ms)
