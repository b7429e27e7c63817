"""The whole data set in the terms of this package."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextbest_models.complete_journey.baskets import Basket, baskets_of
from nextbest_models.complete_journey.events import Membership, affinity_keys, memberships, read_log
from nextbest_models.complete_journey.offers import Campaign, Offer, offer_id, read_campaigns, read_offers
from nextbest_models.complete_journey.tables import SourceError, Table, data_directory, read_table
from nextbest_models.dataset import Exposure
from nextbest_models.definitions import DAY_MS
from nextbest_models.history import EventLog
from nextbest_models.progress import Progress, silent

HOUSEHOLDS = 2_469
OFFERS = 1_197
DEMOGRAPHICS = (
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)
_COLUMNS: Mapping[str, Sequence[str]] = {
    "campaign_descriptions": ("campaign_id", "campaign_type", "start_date", "end_date"),
    "campaigns": ("campaign_id", "household_id"),
    "coupon_redemptions": ("household_id", "coupon_upc", "campaign_id", "redemption_date"),
    "coupons": ("coupon_upc", "product_id", "campaign_id"),
    "demographics": ("household_id", *DEMOGRAPHICS),
    "products": ("product_id", "manufacturer_id", "product_category", "product_type"),
    "transactions": (
        "household_id",
        "basket_id",
        "product_id",
        "quantity",
        "sales_value",
        "retail_disc",
        "coupon_disc",
        "transaction_timestamp",
    ),
}


@dataclass(frozen=True, slots=True)
class Redemption:
    """One offer redeemed by one customer (a position in the log); its day starts at `day_ms`, UTC."""

    customer: int
    offer: str
    campaign: str
    day_ms: int


@dataclass(frozen=True, slots=True)
class CompleteJourney:
    """Households as customers, coupons as offers, and everything that happened in 2017.

    `transactions` are the lines of all receipts.
    """

    log: EventLog
    campaigns: tuple[Campaign, ...]
    offers: tuple[Offer, ...]
    demographics: Mapping[str, Mapping[str, str]]
    transactions: Table
    _products: Mapping[str, Membership]
    _recipients: Mapping[str, NDArray[np.int64]]
    _redemptions: tuple[Redemption, ...]

    def facts(self, as_of_ms: int) -> Mapping[str, Mapping[str, str | list[str]]]:
        """Return each household's facts as of a moment: demographics, and the campaigns sent by then."""
        sent = self._campaigns_sent(as_of_ms)
        return {
            household: {**self.demographics.get(household, {}), "campaigns": sent[customer]}
            for customer, household in enumerate(self.log.customers)
        }

    def exposures(self) -> Iterator[Exposure]:
        """Yield, per campaign by first day, who was sent which offers and who redeemed which."""
        for campaign in self.campaigns:
            yield Exposure(
                name=campaign.id,
                as_of_ms=campaign.first_day_ms,
                customers=self._recipients[campaign.id],
                actions=tuple(offer.id for offer in self.offers if offer.campaign is campaign),
                positives=frozenset(
                    (item.customer, item.offer) for item in self._redemptions if item.campaign == campaign.id
                ),
            )

    def live_offers(self, at_ms: int) -> tuple[Offer, ...]:
        """Return the offers that are valid at a moment."""
        return tuple(
            offer
            for offer in self.offers
            if offer.campaign.first_day_ms <= at_ms < offer.campaign.last_day_ms + DAY_MS
        )

    def product_keys(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Return, by product, the affinity keys that it counts for by family. Others count for none."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for family, members in self._products.items():
            for product, key_id in zip(members.products.tolist(), members.keys.tolist(), strict=True):
                keys = found.setdefault(str(product), {})
                keys[family] = (*keys.get(family, ()), self.log.keys.key(key_id)[1])
        return found

    def baskets(self, household: str, from_ms: int, until_ms: int) -> list[Basket]:
        """Return what a household bought in a time, by trip, the earliest first."""
        return baskets_of(self.transactions, int(household), from_ms, until_ms)

    def redemptions(self, from_ms: int, until_ms: int) -> Iterator[tuple[str, Redemption]]:
        """Yield the household and what it redeemed on the days that begin in a time."""
        for item in self._redemptions:
            if from_ms <= item.day_ms < until_ms:
                yield self.log.customers[item.customer], item

    def redeemed_from(self, since_ms: int) -> Mapping[str, frozenset[str]]:
        """Return the ids of the offers that each household redeemed on the day of a moment or later."""
        found: dict[str, set[str]] = {}
        for item in self._redemptions:
            if item.day_ms > since_ms - DAY_MS:
                found.setdefault(self.log.customers[item.customer], set()).add(item.offer)
        return {household: frozenset(offers) for household, offers in found.items()}

    def _campaigns_sent(self, as_of_ms: int) -> list[list[str]]:
        sent: list[list[str]] = [[] for _ in self.log.customers]
        for campaign in self.campaigns:
            if campaign.first_day_ms <= as_of_ms:
                for customer in self._recipients[campaign.id]:
                    sent[customer].append(campaign.id)
        return sent


def load_complete_journey(progress: Progress = silent, directory: Path | None = None) -> CompleteJourney:
    """Read the data set from the installed package, or from another directory of the same files.

    Raises:
        SourceError: the data set is not installed, or is another one than this code knows.
    """
    tables = _read_tables(directory or data_directory(), progress)
    households = np.unique(tables["transactions"]["household_id"])
    campaigns = read_campaigns(tables["campaign_descriptions"])
    offers = read_offers(campaigns, tables["coupons"], tables["products"])
    if (len(households), len(offers)) != (HOUSEHOLDS, OFFERS):
        raise SourceError(f"the grocery data set has {len(households)} households and {len(offers)} offers")
    keys = affinity_keys(offers)
    members = memberships(offers, tables["products"], keys)
    return CompleteJourney(
        log=read_log(households, campaigns, members, keys, tables, progress),
        campaigns=campaigns,
        offers=offers,
        demographics=_demographics(tables["demographics"]),
        transactions=tables["transactions"],
        _products=members,
        _recipients=_recipients(households, campaigns, tables["campaigns"]),
        _redemptions=tuple(_redemptions(households, tables["coupon_redemptions"])),
    )


def _read_tables(directory: Path, progress: Progress) -> Mapping[str, Table]:
    tables = {}
    for done, (name, columns) in enumerate(_COLUMNS.items(), start=1):
        tables[name] = read_table(directory, name, columns)
        progress("Reading tables", done, len(_COLUMNS))
    return tables


def _demographics(table: Table) -> Mapping[str, Mapping[str, str]]:
    """Return what is known of each household; what is not known is absent."""
    rows = zip(table["household_id"], *(table[name] for name in DEMOGRAPHICS), strict=True)
    return {
        str(household): {name: value for name, value in zip(DEMOGRAPHICS, values, strict=True) if value}
        for household, *values in rows
    }


def _recipients(
    households: NDArray[np.int64], campaigns: Sequence[Campaign], sent: Table
) -> Mapping[str, NDArray[np.int64]]:
    customers = np.searchsorted(households, sent["household_id"])
    return {item.id: np.unique(customers[sent["campaign_id"] == int(item.id)]) for item in campaigns}


def _redemptions(households: NDArray[np.int64], redeemed: Table) -> Iterator[Redemption]:
    customers = np.searchsorted(households, redeemed["household_id"]).tolist()
    rows = zip(
        redeemed["campaign_id"], redeemed["coupon_upc"], redeemed["redemption_date"], customers, strict=True
    )
    for campaign, coupon, day_ms, customer in rows:
        yield Redemption(customer, offer_id(str(campaign), str(coupon)), str(campaign), int(day_ms))
