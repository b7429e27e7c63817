"""`python -m nextbest_service.workers` is one worker; its orders come over standard input."""

import gc
import os
import sys

from nextbest_models.lean import import_lightgbm
from nextbest_service.cli.ending import run_told
from nextbest_service.logs import configure_logs
from nextbest_service.roles import OneOfMany
from nextbest_service.workers.orders import Orders


def work() -> None:
    """Serve as ordered until SIGTERM, or until there is no supervisor any more."""
    gc.disable()  # until all is loaded, as for one that serves alone
    orders = Orders.from_json(sys.stdin.buffer.read())
    os.set_blocking(orders.pipe, False)
    settings = orders.settings
    configure_logs(settings.log_format, settings.log_level, orders.number)

    import_lightgbm()
    from nextbest_service.server import run  # noqa: PLC0415 - only now

    run(settings, OneOfMany(orders.number, orders.pipe, settings.connection_age_seconds))


run_told(work)
