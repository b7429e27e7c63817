"""Lets store tests be coroutines."""

import asyncio
import inspect

import pytest
from persons_in_valkey import World

from nextbest_service.store.connection import SyncClient


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}

    async def run() -> None:
        try:
            await pyfuncitem.obj(**arguments)
        finally:
            for world in arguments.values():
                if isinstance(world, World):
                    await world.store.aclose()

    asyncio.run(run())
    return True


@pytest.fixture
def world(each_valkey_url: str, each_valkey: SyncClient) -> World:
    """Persons in an empty store, of one node and then of three."""
    del each_valkey
    return World.at(each_valkey_url)
