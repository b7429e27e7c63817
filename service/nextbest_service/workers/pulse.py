"""What a worker tells its supervisor over a pipe: that its event loop turns, and that it is ready."""

import asyncio
import os
from collections.abc import Callable

BEAT, READY = b".", b"r"
BEAT_SECONDS = 0.1


def tell(pipe: int, message: bytes) -> bool:
    """Write to the supervisor without waiting; return whether there is one."""
    try:
        os.write(pipe, message)
    except BlockingIOError:
        return True  # it is held up, and finds enough beats once it goes on
    except BrokenPipeError:
        return False
    return True


async def beat(pipe: int, orphaned: Callable[[], object]) -> None:
    """Show that this event loop turns, until there is nobody to show it to: then call `orphaned`."""
    while tell(pipe, BEAT):
        await asyncio.sleep(BEAT_SECONDS)
    orphaned()
