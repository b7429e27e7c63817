"""What a supervisor tells its workers: all of it, and secrets only there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from nextbest_service.settings import AuditMode, Settings
from nextbest_service.workers.orders import Orders

SECRET = "redis://user:hunter2@localhost:6379/0"


@pytest.mark.parametrize("clock", [None, "now", datetime(2020, 2, 29, 12, tzinfo=UTC)])
def test_orders_arrive_as_they_were_given(clock: object) -> None:
    settings = Settings(
        home=Path("home"),
        catalog="bank",
        redis_url=SecretStr(SECRET),
        feast=Path("feast.yaml"),
        feast_redis_url=SecretStr(SECRET),
        clock=clock,
        started_ms=123,
        workers=3,
        audit=AuditMode.REQUIRED,
    )
    orders = Orders(2, 7, settings)
    assert Orders.from_json(orders.to_json()) == orders
    assert "hunter2" not in repr(orders)


def test_orders_without_secrets_have_none() -> None:
    orders = Orders(1, 3, Settings(home=Path("home"), catalog="bank"))
    assert Orders.from_json(orders.to_json()) == orders
