"""Shopping trips as the tills saw them: line by line."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nextbest_models.complete_journey.tables import Table


class BasketLine(NamedTuple):
    """One product of a trip. `amount` is what was paid for the line, in dollars."""

    product: str
    quantity: float
    amount: float


@dataclass(frozen=True, slots=True)
class Basket:
    """One trip. `retail_discount` is in dollars; `coupon_lines` were bought with a manufacturer's coupon."""

    id: str
    time_ms: int
    lines: tuple[BasketLine, ...]
    retail_discount: float
    coupon_lines: int


def baskets_of(transactions: Table, household: int, from_ms: int, until_ms: int) -> list[Basket]:
    """Return the trips of a household in a time (until exclusive), the earliest first."""
    times_ms = transactions["transaction_timestamp"]
    own = np.flatnonzero(
        (transactions["household_id"] == household) & (from_ms <= times_ms) & (times_ms < until_ms)
    )
    own = own[np.lexsort((transactions["basket_id"][own], times_ms[own]))]
    baskets = transactions["basket_id"][own]
    bounds = np.flatnonzero(np.diff(baskets)) + 1
    return [_basket(transactions, rows) for rows in np.split(own, bounds) if len(rows)]


def _basket(transactions: Table, rows: np.ndarray) -> Basket:
    columns = (transactions[name][rows].tolist() for name in ("product_id", "quantity", "sales_value"))
    return Basket(
        id=str(transactions["basket_id"][rows[0]]),
        time_ms=int(transactions["transaction_timestamp"][rows[0]]),
        lines=tuple(
            BasketLine(str(product), float(quantity), float(amount))
            for product, quantity, amount in zip(*columns, strict=True)
        ),
        retail_discount=float(transactions["retail_disc"][rows].sum()),
        coupon_lines=int((transactions["coupon_disc"][rows] > 0).sum()),
    )
