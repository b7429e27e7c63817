"""A defect on the way of a decision is known by the decision's id."""

import asyncio

import pytest
from deciding import HandClock, ask, deciding, question

from nextbest_service.decisions import decider
from nextbest_service.errors import DecisionFailedError, ServiceError


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_defect_carries_the_id_of_the_decision(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    monkeypatch.setattr(decider, "deliberate", lambda *_: {}["no such thing"])

    async def scenario() -> None:
        async with deciding(valkey_url, HandClock()) as shop:
            with pytest.raises(DecisionFailedError) as failed:
                await ask(shop, question(dry_run=dry_run))
            assert len(failed.value.decision_id) == 32
            assert isinstance(failed.value.__cause__, KeyError)
            assert not isinstance(failed.value, ServiceError)

    asyncio.run(scenario())
