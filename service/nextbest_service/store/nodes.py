"""Where commands go: to one server, or to the nodes of a cluster, each with a pipeline of its own.

redis-py has a client for clusters, but none that pipelines scripts, and after an error it closes connections
that others are using. Here a node is a plain client, and only the map from slots to nodes is kept.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import redis
import redis.asyncio
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError

Command: TypeAlias = tuple[Any, ...]
"""A command and its arguments, such as `("HGET", key, field)`."""

SLOTS = 16_384
MOST_REDIRECTIONS = 5
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

    async def clients(self) -> Sequence[redis.asyncio.Redis]:
        """Return a client of every server that takes writes."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class OneNode:
    """A single server, or whatever looks like one."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Run all commands in one pipeline."""
        return await _pipelined(self._client, commands)

    async def clients(self) -> Sequence[redis.asyncio.Redis]:
        """Return the one client."""
        return [self._client]

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


class Cluster:
    """The primaries of a Redis Cluster. `connect` makes a client of the node at a host and port.

    Commands have their key in the first place, scripts in the third; those without any go to any node.
    """

    def __init__(self, first: tuple[str, int], connect: Callable[[str, int], redis.asyncio.Redis]) -> None:
        self._first = first
        self._connect = connect
        self._clients: dict[tuple[str, int], redis.asyncio.Redis] = {first: connect(*first)}
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

    async def clients(self) -> Sequence[redis.asyncio.Redis]:
        """Return a client of every node that owns slots."""
        await self._learn()
        return [self._client(node) for node in sorted({*self._owners.values()})]

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    async def _send_once(
        self, commands: Sequence[Command], places: Sequence[int], results: list[Any]
    ) -> None:
        by_node: dict[tuple[str, int], list[int]] = {}
        for place in places:
            by_node.setdefault(self._owner(commands[place], results[place]), []).append(place)
        try:
            answers = await asyncio.gather(
                *(
                    _pipelined(
                        self._client(node),
                        [commands[it] for it in its],
                        [_is_asked(results[it]) for it in its],
                    )
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

    def _client(self, node: tuple[str, int]) -> redis.asyncio.Redis:
        if node not in self._clients:
            self._clients[node] = self._connect(*node)
        return self._clients[node]

    async def _learn(self) -> None:
        """Ask any node that answers who has which slots."""
        async with self._mapping:
            failure: Exception = redis.ConnectionError("no node of the cluster answers")
            for client in [*self._clients.values()]:
                try:
                    (ranges,) = await _pipelined(client, [("CLUSTER", "SLOTS")])
                except (redis.RedisError, OSError, TimeoutError) as error:
                    failure = error
                else:
                    self._owners = _owners(ranges, self._first[0])
                    return
            raise failure


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


async def _pipelined(
    client: redis.asyncio.Redis, commands: Sequence[Command], asking: Sequence[bool] = ()
) -> list[Any]:
    """Run commands in one pipeline; those that a slot's new owner was asked for say so."""
    pipeline = client.pipeline(transaction=False)
    wanted = []
    for place, command in enumerate(commands):
        if asking and asking[place]:
            pipeline.execute_command("ASKING")
        wanted.append(len(pipeline))
        pipeline.execute_command(*command)
    results = await pipeline.execute(raise_on_error=False)
    return [results[place] for place in wanted]
