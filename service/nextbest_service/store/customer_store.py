"""Reads what a decision needs, in one round trip whatever the number of identities."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from nextbest_models.state_codec import warm_up
from nextbest_service.clock import Clock, machine_ms
from nextbest_service.customers.naming import Who
from nextbest_service.errors import ServiceError
from nextbest_service.store import keys
from nextbest_service.store.claims import Claim
from nextbest_service.store.codec import CodecError
from nextbest_service.store.customer_reader import CustomerReader
from nextbest_service.store.customers import Customer, Reading, ReadPlan
from nextbest_service.store.found import Answers, Ask, Found, is_at_home
from nextbest_service.store.given import FeatureSource, GivenFeatures
from nextbest_service.store.joint_reads import JointReads
from nextbest_service.store.keys import Identity, Ref
from nextbest_service.store.kills import kills_of
from nextbest_service.store.line import Command
from nextbest_service.store.people import People, StateUnreadableError
from nextbest_service.store.replies import checked, checked_hash, has_no_room
from nextbest_service.store.volumes import volume_commands, volumes_of

SCHEMA_RETRY_SECONDS = 5.0

log = structlog.get_logger()


class CustomerStore:
    """The read side of the customer store; `source` holds features that are kept elsewhere."""

    def __init__(self, people: People, clock: Clock, source: FeatureSource | None = None) -> None:
        self._people = people
        self._clock = clock
        self._source = source
        self._reader = CustomerReader(people.codec)
        self._asked_for: dict[bytes, float] = {}
        self._ahead_ms: int | None = None
        hashes = people.hashes
        alone = source is None and hashes.store.is_one_server
        self._joint = JointReads(hashes.store, hashes.clock) if alone else None
        warm_up()

    async def load(
        self,
        refs: Sequence[Ref],
        request_id: str,
        plan: ReadPlan,
        names: Sequence[Identity] = (),
        claim: Claim | None = None,
    ) -> Reading:
        """Return the customer behind the first ref that the store knows; nobody knows an anonymous one.

        With a request id, `found` has the answer that is remembered for it; a `claim` to it is made with the
        reading. `names` are those of the refs: under them, and under the other names of the person, the
        source of features is asked.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        if self._joint is not None and self._ahead_ms is not None and refs and not request_id:
            return await self._jointly(self._joint, tuple(refs), plan, self._ahead_ms, names)
        claims = [claim.command()] if claim else []
        volumes = volume_commands(plan.capped, await self._expected_ms())
        commands: list[Command] = [*claims, ("HGETALL", keys.KILLS), *volumes]
        answers, given = await self._read(Ask(tuple(refs), request_id), commands, names)
        self._ahead_ms = answers.store_ms - _ticks_ms()
        replies = iter(answers.more)
        owner = None if claim is None else next(replies)
        writable = not has_no_room(owner)
        kills = next(replies)
        (found,) = answers.found
        return Reading(
            customer=await self._customer(found, answers.now_ms, plan, given),
            killed=kills_of(checked_hash(kills)),
            volumes=volumes_of(plan.capped, [*replies]),
            claimed=claim is None or not writable or claim.holds(checked(owner)),
            writable=writable,
            found=found,
            now_ms=answers.now_ms,
        )

    async def _jointly(
        self,
        joint: JointReads,
        refs: tuple[Ref, ...],
        plan: ReadPlan,
        ahead_ms: int,
        names: Sequence[Identity],
    ) -> Reading:
        """Return a customer as `load` does, read together with those whom others ask for."""
        moment, stored = await joint.read(refs, plan, self._clock.at(_ticks_ms() + ahead_ms))
        self._ahead_ms = moment.store_ms - _ticks_ms()
        if len(refs) == 1 and is_at_home(stored[refs[0]]):  # the usual case
            found = Found(refs, refs[0], stored[refs[0]])
        else:
            found = await self._people.hashes.found(refs, stored)
        own = names[0] if names and found.head == refs[0] else None
        customer = self._reader.plain(found, moment.now_ms, plan, own)
        if customer is None:
            customer = await self._customer(found, moment.now_ms, plan, ())
        return Reading(customer, moment.killed, moment.volumes, found, moment.now_ms)

    async def load_many(self, whose: Sequence[Who], plan: ReadPlan) -> list[Reading]:
        """Return many customers, each as `load` would without a request id: at one moment, in one round trip.

        Only where features are kept elsewhere, each is read on its own.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        if self._source is not None:
            return [*await asyncio.gather(*(self.load(who.refs, "", plan, who.names) for who in whose))]
        volumes = volume_commands(plan.capped, await self._expected_ms())
        asks = [Ask(who.refs) for who in whose]
        answers = await self._people.read(asks, [("HGETALL", keys.KILLS), *volumes])
        self._ahead_ms = answers.store_ms - _ticks_ms()
        killed = kills_of(checked_hash(answers.more[0]))
        counted = volumes_of(plan.capped, answers.more[1:])
        return [
            Reading(
                customer=await self._customer(found, answers.now_ms, plan, ()),
                killed=killed,
                volumes=counted,
                found=found,
                now_ms=answers.now_ms,
            )
            for found in answers.found
        ]

    def now_ms(self) -> int:
        """Return the service's time as far as it is known here: by the machine's clock at first."""
        return self._clock.at(machine_ms() if self._ahead_ms is None else _ticks_ms() + self._ahead_ms)

    async def _read(
        self, ask: Ask, commands: Sequence[Command], names: Sequence[Identity]
    ) -> tuple[Answers, Sequence[GivenFeatures]]:
        """Read the store, and at the same time the source of features."""
        if self._source is None:
            return await self._people.read([ask], commands), ()
        answers, given = await asyncio.gather(self._people.read([ask], commands), self._source.read(names))
        others = self._other_names(answers.found[0], names)
        return answers, (*given, *(await self._source.read(others) if others else ()))

    def _other_names(self, found: Found, names: Sequence[Identity]) -> list[Identity]:
        """Return the names of the person that was found that nobody told."""
        if found.head is None:
            return []
        try:
            members = self._people.codec.members(found.head, found.fields)
        except CodecError:
            return []
        identities = (member.identity for member in members)
        return [it for it in identities if it is not None and it not in names]

    async def _expected_ms(self) -> int:
        """Return what the service's time will be at the store: held volumes are counted as of then."""
        if self._ahead_ms is None:
            self._ahead_ms = (await self._people.read([])).store_ms - _ticks_ms()
        return self._clock.at(_ticks_ms() + self._ahead_ms)

    async def _customer(
        self, found: Found, now_ms: int, plan: ReadPlan, given: Sequence[GivenFeatures]
    ) -> Customer:
        if not given and (customer := self._reader.plain(found, now_ms, plan)) is not None:
            return customer
        for schema_id in self._reader.unknown_schemas(found):
            await self._learn(schema_id)
        if found.loose:
            try:
                stored = await self._people.decoded(found)
            except ServiceError:  # then the head's own hash says what it can
                log.warning("customer_in_pieces_unreadable")
            else:
                assert stored is not None
                return self._reader.customer_of(stored.whole, now_ms, given)
        return self._reader.customer(found, now_ms, plan, given)

    async def _learn(self, schema_id: bytes) -> None:
        """Look a schema up that was registered after this process started."""
        if time.monotonic() < self._asked_for.get(schema_id, 0.0) + SCHEMA_RETRY_SECONDS:
            return
        self._asked_for[schema_id] = time.monotonic()
        try:
            await self._people.learn(schema_id)
        except (StateUnreadableError, CodecError) as error:
            log.error("feature_schema_unreadable", schema=schema_id.hex(), error=str(error))


def _ticks_ms() -> int:
    return time.monotonic_ns() // 1_000_000
