"""Where commands go: to one server, or to the nodes of a cluster, each with a line of its own.

redis-py has a client for clusters, but none that pipelines scripts, and after an error it closes connections
that others are using. Here only the map from slots to nodes is kept.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import redis
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError

from nextbest_service.metrics.durations import Durations
from nextbest_service.store.address import Address
from nextbest_service.store.line import Command, Line

SLOTS = 16_384
MOST_REDIRECTIONS = 5
SHORTEST_CONNECT_SECONDS = 1.0
_PAUSE_SECONDS = 0.02

_SCRIPTS = frozenset({"EVAL", "EVALSHA"})


class Nodes(Protocol):
    """The servers of a store."""

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Return the results in order, with errors of the server in their places.

        Raises:
            redis.RedisError, OSError, TimeoutError: no answer.
        """
        ...

    def sent(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]] | None:
        """Send commands at once and return their results to come, None where that takes more than sending."""
        ...

    async def send_everywhere(self, command: Command) -> list[Any]:
        """Return the results of a command on every server that takes writes; raises as `send` does."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class Server:
    """A single server, or whatever looks like one; the line to it opens when it is needed.

    `round_trips` counts how long its replies take; None: nothing does.
    """

    def __init__(
        self, address: Address, timeout_seconds: float, round_trips: Durations | None = None
    ) -> None:
        self._round_trips = round_trips
        self._address = address
        self._timeout = timeout_seconds
        self._line: Line | None = None
        self._opening: asyncio.Task[Line] | None = None

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Run all commands in one round trip; see `Nodes.send`."""
        line = self._line
        if line is None or not line.open:
            line = await self._reopened()
        return await line.send(commands)

    def sent(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]] | None:
        """Send commands at once if the line is open."""
        line = self._line
        if line is None or not line.open:
            return None
        replies = line.send(commands)
        line.flush()
        return replies

    async def send_everywhere(self, command: Command) -> list[Any]:
        """Run a command on the one server."""
        return await self.send([command])

    def leave(self) -> None:
        """Close the line; the next command goes over a new one."""
        if self._line is not None:
            self._line.close()

    async def aclose(self) -> None:
        """Close the line."""
        if self._opening is not None:
            self._opening.cancel()
        if self._line is not None:
            self._line.close()
            await asyncio.sleep(0)  # asyncio closes the socket in its next turn

    async def _reopened(self) -> Line:
        """Return a new line; all who wait for one wait for the same, and no longer than for a reply."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        return await asyncio.wait_for(asyncio.shield(self._opening), self._timeout)

    async def _open(self) -> Line:
        async with asyncio.timeout(max(self._timeout, SHORTEST_CONNECT_SECONDS)):
            line = self._line = await self._new_line()
            return line

    async def _new_line(self) -> Line:
        return await greeted(self._address, self._timeout, self._round_trips)

    def _opened(self, opening: asyncio.Task[Line]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # whoever asked for the line has it; nobody may be left to ask


class Cluster:
    """The primaries of a Redis Cluster. `node` makes the server at a host and port.

    Commands have their key in the first place, scripts in the third; those without any go to any node.
    """

    def __init__(self, first: tuple[str, int], node: Callable[[str, int], Server]) -> None:
        self._first = first
        self._node = node
        self._servers: dict[tuple[str, int], Server] = {first: node(*first)}
        self._owners: Mapping[int, tuple[str, int]] = {}
        self._mapping = asyncio.Lock()

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Run each command on the node of its key, all nodes at the same time."""
        results: list[Any] = [None] * len(commands)
        waiting = [*range(len(commands))]
        if not self._owners:
            await self._learn()
        for _ in range(MOST_REDIRECTIONS):
            await self._send_once(commands, waiting, results)
            moved = [place for place in waiting if isinstance(results[place], (MovedError, ClusterDownError))]
            waiting = [place for place in waiting if isinstance(results[place], _REDIRECTIONS)]
            if not waiting:
                break
            if moved:
                await self._learn()
            if len(moved) < len(waiting):
                await asyncio.sleep(_PAUSE_SECONDS)
        return results

    def sent(self, commands: Sequence[Command]) -> None:
        """Send nothing: which node has a key can change on the way."""

    async def send_everywhere(self, command: Command) -> list[Any]:
        """Run a command on every node that owns slots."""
        await self._learn()
        nodes = sorted({*self._owners.values()})
        return [one for (one,) in await asyncio.gather(*(self._server(it).send([command]) for it in nodes))]

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(server.aclose() for server in self._servers.values()))

    async def _send_once(
        self, commands: Sequence[Command], places: Sequence[int], results: list[Any]
    ) -> None:
        by_node: dict[tuple[str, int], list[int]] = {}
        for place in places:
            by_node.setdefault(self._owner(commands[place], results[place]), []).append(place)
        try:
            answers = await asyncio.gather(
                *(
                    self._answers(node, [commands[it] for it in its], [_is_asked(results[it]) for it in its])
                    for node, its in by_node.items()
                )
            )
        except (redis.RedisError, OSError, TimeoutError):
            self._owners = {}  # a node may be gone for good: ask who has its slots now
            raise
        for its, answer in zip(by_node.values(), answers, strict=True):
            for place, result in zip(its, answer, strict=True):
                results[place] = result

    def _owner(self, command: Command, redirection: object) -> tuple[str, int]:
        if isinstance(redirection, AskError):
            return redirection.host, redirection.port
        place = 3 if command[0] in _SCRIPTS else 1
        if len(command) <= place:
            return next(iter(self._owners.values()))
        key = command[place]
        return self._owners.get(key_slot(key if isinstance(key, bytes) else str(key).encode()), self._first)

    async def _answers(
        self, node: tuple[str, int], commands: Sequence[Command], asking: Sequence[bool]
    ) -> list[Any]:
        """Run commands on a node; those that a slot's new owner was asked for say so."""
        if not any(asking):
            return await self._server(node).send(commands)
        whole: list[Command] = []
        wanted = []
        for command, is_asked in zip(commands, asking, strict=True):
            whole += [("ASKING",), command] if is_asked else [command]
            wanted.append(len(whole) - 1)
        answers = await self._server(node).send(whole)
        return [answers[place] for place in wanted]

    def _server(self, node: tuple[str, int]) -> Server:
        if node not in self._servers:
            self._servers[node] = self._node(*node)
        return self._servers[node]

    async def _learn(self) -> None:
        """Ask any node that answers who has which slots."""
        async with self._mapping:
            failure: Exception = redis.ConnectionError("no node of the cluster answers")
            for server in [*self._servers.values()]:
                try:
                    (ranges,) = await server.send([("CLUSTER", "SLOTS")])
                    raise_if_error(ranges)
                except (redis.RedisError, OSError, TimeoutError) as error:
                    failure = error
                else:
                    self._owners = _owners(ranges, self._first[0])
                    return
            raise failure


async def greeted(address: Address, timeout_seconds: float, round_trips: Durations | None = None) -> Line:
    """Return a new line to a server that has heard what it wants to hear first.

    Raises:
        redis.RedisError, OSError, TimeoutError: there is nobody, or not for us.
    """
    line = await address.connect(lambda: Line(timeout_seconds, round_trips))
    try:
        for reply in await line.send(address.greeting):
            raise_if_error(reply)
    except BaseException:
        line.close()
        raise
    return line


def raise_if_error(reply: object) -> None:
    """Raise a reply that is an error of the server."""
    if isinstance(reply, Exception):
        raise reply


_REDIRECTIONS = (MovedError, AskError, TryAgainError, ClusterDownError)


def _owners(ranges: Sequence[Sequence[Any]], asked: str) -> dict[int, tuple[str, int]]:
    """Return the owner of each slot; a node that does not know its own name is the one that was asked."""
    owners = {}
    for first, last, (host, port, *_), *_replicas in ranges:
        for slot in range(first, last + 1):
            owners[slot] = (host.decode() if host else asked, port)
    return owners


def _is_asked(redirection: object) -> bool:
    return isinstance(redirection, AskError)
