"""The coupons of the data set's campaigns as offers with affinity keys."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.assembly import ActionProfile
from nextbest_models.complete_journey.tables import Table
from nextbest_models.definitions import DAY_MS

PRODUCT_SET = "offer_products"
PRODUCT_TYPE = "product_type"
MANUFACTURER = "manufacturer"
UNDESCRIBED = "OTHER"
MAX_KEYS = 16
"""Most keys of one family on one offer: one for 14,000 products of 327 types is about none in particular."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One coupon campaign: `type` is A, B or C; first and last day start at Unix milliseconds, UTC."""

    id: str
    type: str
    first_day_ms: int
    last_day_ms: int

    @property
    def days(self) -> int:
        """Length in days, both ends counted."""
        return (self.last_day_ms - self.first_day_ms) // DAY_MS + 1


@dataclass(frozen=True, slots=True)
class Offer:
    """One coupon in one campaign.

    `product_set` names the exact set of products: the same name on two offers means the same products.
    """

    campaign: Campaign
    coupon: str
    category: str
    products: NDArray[np.int64]
    product_set: str
    product_types: tuple[str, ...]
    manufacturers: tuple[str, ...]

    @property
    def id(self) -> str:
        """The action's id."""
        return offer_id(self.campaign.id, self.coupon)

    @property
    def attributes(self) -> Mapping[str, str | int]:
        """The action's attributes."""
        return {
            "campaign": self.campaign.id,
            "campaign_type": self.campaign.type,
            "products": len(self.products),
            "duration_days": self.campaign.days,
        }

    @property
    def affinity(self) -> Mapping[str, tuple[str, ...]]:
        """The action's affinity keys by family."""
        return {
            PRODUCT_SET: (self.product_set,),
            PRODUCT_TYPE: self.product_types,
            MANUFACTURER: self.manufacturers,
        }

    @property
    def profile(self) -> ActionProfile:
        """What ranking needs to know."""
        return ActionProfile(self.id, self.attributes, self.affinity)


def offer_id(campaign: str, coupon: str) -> str:
    """Return the id of the action that is this coupon in this campaign."""
    return f"c{campaign}-{coupon}"


def read_campaigns(descriptions: Table) -> tuple[Campaign, ...]:
    """Return all campaigns in the order of their first days."""
    names = ("campaign_id", "campaign_type", "start_date", "end_date")
    rows = zip(*(descriptions[name] for name in names), strict=True)
    campaigns = [Campaign(str(i), kind.removeprefix("Type "), int(a), int(b)) for i, kind, a, b in rows]
    return tuple(sorted(campaigns, key=lambda campaign: (campaign.first_day_ms, int(campaign.id))))


def read_offers(campaigns: tuple[Campaign, ...], coupons: Table, products: Table) -> tuple[Offer, ...]:
    """Return all offers by campaign (in the order given), then coupon."""
    types = product_names(products, "product_type")
    makers = product_names(products, "manufacturer_id")
    categories = product_names(products, "product_category")
    sets: dict[bytes, str] = {}
    offers = []
    for campaign in campaigns:
        for coupon, members in _product_sets(coupons, int(campaign.id)):
            product_set = sets.setdefault(members.tobytes(), f"s{len(sets) + 1}")
            offers.append(
                Offer(
                    campaign=campaign,
                    coupon=coupon,
                    category=next(iter(_most_common(categories, members)), UNDESCRIBED),
                    products=members,
                    product_set=product_set,
                    product_types=_most_common(types, members)[:MAX_KEYS],
                    manufacturers=_most_common(makers, members)[:MAX_KEYS],
                )
            )
    return tuple(offers)


def _product_sets(coupons: Table, campaign: int) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield each coupon of a campaign with its products, both ascending and without repetition."""
    own = coupons["campaign_id"] == campaign
    pairs = np.unique(np.column_stack([coupons["coupon_upc"][own], coupons["product_id"][own]]), axis=0)
    starts = np.flatnonzero(np.r_[True, pairs[1:, 0] != pairs[:-1, 0]])
    for group in np.split(pairs, starts[1:]):
        yield str(group[0, 0]), np.ascontiguousarray(group[:, 1])


def product_names(products: Table, column: str) -> Mapping[int, str]:
    """Return one describing column by product id, as text; products without it are absent."""
    rows = zip(products["product_id"].tolist(), products[column], strict=True)
    return {product: str(name) for product, name in rows if name}


def _most_common(names: Mapping[int, str], members: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the names of some products, those with the most products first, equals by name."""
    counts = Counter(names[product] for product in members.tolist() if product in names)
    return tuple(sorted(counts, key=lambda name: (-counts[name], name)))
