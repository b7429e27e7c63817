"""The data set's transactions, campaign deliveries and redemptions as an event log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityKeys
from nextbest_models.complete_journey.offers import (
    MANUFACTURER,
    PRODUCT_SET,
    PRODUCT_TYPE,
    Campaign,
    Offer,
    product_names,
)
from nextbest_models.complete_journey.tables import Table
from nextbest_models.definitions import DAY_MS
from nextbest_models.history import EventLog, Stream, Touches
from nextbest_models.progress import Progress

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Membership:
    """Which keys of one family a product belongs to: pairs in ascending order of product id."""

    products: Ints
    keys: Ints

    @classmethod
    def of(cls, products: Ints, keys: Ints) -> "Membership":
        """Build from pairs in any order; a key of -1 is none."""
        pairs = np.unique(np.column_stack([products, keys])[keys >= 0], axis=0)
        return cls(np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1]))


@dataclass(frozen=True, slots=True)
class Baskets:
    """All lines of all shopping trips. A line knows its basket by position; baskets ascend by time."""

    line_baskets: Ints
    line_products: Ints
    line_spend: NDArray[np.float64]
    trips: Stream

    @classmethod
    def of(cls, households: Ints, lines: Table) -> "Baskets":
        """Gather transaction lines into trips."""
        _, first, basket = np.unique(lines["basket_id"], return_index=True, return_inverse=True)
        times_ms = lines["transaction_timestamp"][first]
        order = np.argsort(times_ms, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        position = rank[basket]
        trips = Stream(
            np.searchsorted(households, lines["household_id"][first][order]),
            times_ms[order],
            _trip_values(position, lines),
        )
        return cls(position, lines["product_id"], lines["sales_value"], trips)

    def touches(self, membership: Membership) -> Touches:
        """Return one touch for each trip and key, with what was spent on the key's products."""
        lines, keys = self._keys_of_lines(membership)
        width = int(membership.keys.max(initial=0)) + 1
        pairs, row = np.unique(self.line_baskets[lines] * width + keys, return_inverse=True)
        trip = pairs // width
        spend = _summed(row, self.line_spend[lines])
        stream = Stream(self.trips.customers[trip], self.trips.times_ms[trip], {"spend": spend})
        return Touches(stream, pairs % width)

    def _keys_of_lines(self, membership: Membership) -> tuple[Ints, Ints]:
        """Return one row per line and key that its product belongs to: the line, the key."""
        begin = np.searchsorted(membership.products, self.line_products, side="left")
        end = np.searchsorted(membership.products, self.line_products, side="right")
        lines = np.repeat(np.arange(len(begin)), end - begin)
        runs = np.cumsum(end - begin) - (end - begin)
        return lines, membership.keys[np.repeat(begin - runs, end - begin) + np.arange(len(lines))]


def affinity_keys(offers: Sequence[Offer]) -> AffinityKeys:
    """Return the dictionary of all keys that the offers use, in the order of the offers."""
    return AffinityKeys().extended(
        (family, key) for offer in offers for family, keys in offer.affinity.items() for key in keys
    )


def memberships(offers: Sequence[Offer], products: Table, keys: AffinityKeys) -> Mapping[str, Membership]:
    """Return, by family, which products count for which key."""
    in_sets = [
        np.full(len(offer.products), keys.ids_for(PRODUCT_SET, [offer.product_set])) for offer in offers
    ]
    return {
        PRODUCT_SET: Membership.of(np.concatenate([o.products for o in offers]), np.concatenate(in_sets)),
        PRODUCT_TYPE: _described_by(products, "product_type", PRODUCT_TYPE, keys),
        MANUFACTURER: _described_by(products, "manufacturer_id", MANUFACTURER, keys),
    }


def read_log(
    households: Ints,
    campaigns: Sequence[Campaign],
    members: Mapping[str, Membership],
    keys: AffinityKeys,
    tables: Mapping[str, Table],
    progress: Progress,
) -> EventLog:
    """Return the log of shopping trips, campaign deliveries and redemptions, with what the trips touched.

    `members` says, by family, which products count for which of `keys`.
    """
    baskets = Baskets.of(households, tables["transactions"])
    streams = {
        "trips": baskets.trips,
        "deliveries": deliveries(households, campaigns, tables["campaigns"]),
        "redemptions": redemptions(households, tables["coupon_redemptions"]),
    }
    touches = {}
    for done, (family, membership) in enumerate(members.items(), start=1):
        touches[family] = baskets.touches(membership)
        progress("Counting what was bought", done, len(members))
    return EventLog([str(household) for household in households], streams, touches, keys)


def deliveries(households: Ints, campaigns: Sequence[Campaign], sent: Table) -> Stream:
    """Return one event for each household and campaign, at the start of the campaign's first day."""
    first_day = {int(campaign.id): campaign.first_day_ms for campaign in campaigns}
    times_ms = np.array([first_day[campaign] for campaign in sent["campaign_id"].tolist()], dtype=np.int64)
    return Stream.sorted(np.searchsorted(households, sent["household_id"]), times_ms, {})


def redemptions(households: Ints, redeemed: Table) -> Stream:
    """Return one event for each redemption, at the end of its day: the hour is not known."""
    customers = np.searchsorted(households, redeemed["household_id"])
    return Stream.sorted(customers, redeemed["redemption_date"] + DAY_MS - 1, {})


def _described_by(products: Table, column: str, family: str, keys: AffinityKeys) -> Membership:
    names = product_names(products, column)
    return Membership.of(np.array(list(names), dtype=np.int64), keys.ids_for(family, list(names.values())))


def _trip_values(position: Ints, lines: Table) -> Mapping[str, NDArray[np.float64]]:
    with_coupon = (lines["coupon_disc"] > 0).astype(np.float64)
    coupon_lines = _summed(position, with_coupon)
    return {
        "spend": _summed(position, lines["sales_value"]),
        "lines": np.bincount(position).astype(np.float64),
        "retail_discount": _summed(position, lines["retail_disc"]),
        "coupon_lines": coupon_lines,
        "with_coupon": (coupon_lines > 0).astype(np.float64),
    }


def _summed(position: Ints, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(position, values).astype(np.float64, copy=False)
