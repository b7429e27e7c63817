"""What is done to a soaked service: faults in turn, and reloads of what is good and what is broken."""

import contextlib
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from soaked_world import ACTIONS, SOURCE, World
from steady_load import SteadyLoad

CONNECTIONS = 1_000
BURST, BURST_SECONDS = 3.0, 5.0
PLAIN = (SOURCE / ACTIONS).read_text()
BROKEN = PLAIN.replace("type: OFFER", "type: OFER", 1)


class SoakFault(NamedTuple):
    """Something that breaks and is mended before it returns."""

    name: str
    inflict: Callable[[World, SteadyLoad], None]


def store_hangs(world: World, _load: SteadyLoad) -> None:
    """The store answers nothing for a second."""
    world.store.hang()
    time.sleep(1.0)
    world.store.resume()


def store_killed(world: World, _load: SteadyLoad) -> None:
    """The store gets SIGKILL, and is started again on its data a second later."""
    world.store.kill()
    time.sleep(1.0)
    world.store.start()


def scripts_flushed(world: World, _load: SteadyLoad) -> None:
    """The store forgets its scripts for two seconds, again and again."""
    with world.store.client() as client:
        for _ in range(20):
            client.script_flush()
            time.sleep(0.1)


def service_stopped(world: World, _load: SteadyLoad) -> None:
    """The service stands still for half a second."""
    world.service.process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    world.service.process.send_signal(signal.SIGCONT)


def burst(_world: World, load: SteadyLoad) -> None:
    """Three times as many callers come as usual, for five seconds."""
    usual = load.rate
    load.rate = BURST * usual
    time.sleep(BURST_SECONDS)
    load.rate = usual


def connections_dropped(world: World, _load: SteadyLoad) -> None:
    """A thousand connections are opened, and dropped without a word."""
    host, _, port = world.service.address.rpartition(":")
    with contextlib.ExitStack() as opened:
        for _ in range(CONNECTIONS):
            opened.enter_context(socket.create_connection((host, int(port)), timeout=20.0))


def replies_slow(world: World, _load: SteadyLoad) -> None:
    """The store takes up to 20 ms for its replies, most of the time for five seconds."""
    with world.store.client() as client:
        for _ in range(150):
            client.client_pause(20, all=True)
            time.sleep(0.033)


def store_memory_full(world: World, _load: SteadyLoad) -> None:
    """The store takes nothing more for two seconds."""
    with world.store.client() as client:
        client.config_set("maxmemory", "1mb")
        time.sleep(2.0)
        client.config_set("maxmemory", "0")


FAULTS: Sequence[SoakFault] = [
    SoakFault("store hangs for 1 s", store_hangs),
    SoakFault("store killed, back on its data", store_killed),
    SoakFault("service stopped for 0.5 s", service_stopped),
    SoakFault("SCRIPT FLUSH for 2 s", scripts_flushed),
    SoakFault("3 times the callers for 5 s", burst),
    SoakFault("1,000 connections dropped", connections_dropped),
    SoakFault("slow replies of the store for 5 s", replies_slow),
    SoakFault("memory of the store full for 2 s", store_memory_full),
]


@dataclass
class Reloads:
    """Reloads in turn: two good ones, of another catalog and mostly another model, then a broken one."""

    world: World
    known: set[str]
    serves: str
    done: int = 0
    _good: int = 0

    @property
    def next_is_broken(self) -> bool:
        """Whether what is loaded next must change nothing."""
        return self.done % 3 == 2

    def reload(self) -> str:
        """Do what is next, and return what was wrong with it."""
        broken = self.next_is_broken
        self.done += 1
        return self._broken() if broken else self._sound()

    def _sound(self) -> str:
        self._good += 1
        self.world.write(PLAIN.replace("value: 10", f"value: {10 + self._good % 5}"))
        self.world.use_model(self.world.models[self._good // 2 % 2])
        answer = self.world.reload()
        before, self.serves = self.serves, answer.versions.catalog
        self.known.add(self.serves)
        if not answer.swapped or self.serves == before:
            return f"a good one was not taken: {[it.message for it in answer.diagnostics][:3]}"
        return ""

    def _broken(self) -> str:
        self.world.write(BROKEN)
        answer = self.world.reload()
        if answer.swapped or answer.versions.catalog != self.serves or not answer.diagnostics:
            return "a broken one changed something"
        return ""
