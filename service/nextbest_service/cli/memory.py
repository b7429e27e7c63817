"""How much memory customers take in the store, for people."""

from nextbest_service.home import Home
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.statistics import CustomerStatistics, customer_statistics
from nextbest_service.store.where import store_url

SAMPLE = 2_500


def customer_sizes(home: Home, redis_url: str | None) -> CustomerStatistics:
    """Measure the customers of a store.

    Raises:
        StartupError: the store does not answer.
    """
    with store_url(home, redis_url) as url, connect_for_bulk(url) as client:
        return customer_statistics(client, SAMPLE)


def summary(sizes: CustomerStatistics) -> str:
    """Return one line."""
    return (
        f"[bold]{sizes.persons:,} customers[/] take {sizes.estimated_bytes / 1e6:.1f} MB of the store: half "
        f"of them at most {sizes.person.median:,} bytes each, nine of ten at most {sizes.person.p90:,} "
        "(nextbest customers stats)."
    )
