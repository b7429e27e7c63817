"""Where the store is: the user's own, or an embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from nextbest_service.home import Home


@contextmanager
def store_url(home: Home, redis_url: str | None) -> Iterator[str]:
    """Yield the URL of the store: the user's own, or the embedded Valkey as long as the context lasts.

    Raises:
        StartupError: the embedded Valkey does not start.
    """
    if redis_url is not None:
        yield redis_url
        return
    from nextbest_service.store.embedded import embedded_valkey  # noqa: PLC0415 - slow, and not always needed

    with embedded_valkey(home.valkey) as url:
        yield url
