"""The CustomerService: it only translates between the wire and what takes care of customers."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from nextbest.v1 import customer_pb2, error_pb2, event_pb2, profile_pb2
from nextbest_service.api.batches import Batch, check_batch, read_batch, render_batch
from nextbest_service.api.read_event import EventReader
from nextbest_service.api.read_link import (
    read_asked,
    read_contact_limit,
    read_erase,
    read_link,
    read_unlink,
)
from nextbest_service.api.read_profile import ProfileReader
from nextbest_service.api.refusals import Context
from nextbest_service.api.render_customer import render_customer, render_identities, render_members
from nextbest_service.customers.care import Care
from nextbest_service.customers.incoming import ProfileChange, TrackedEvent
from nextbest_service.customers.intake import Intake, Item
from nextbest_service.metrics.items import Items

MAX_REJECTIONS = 1000


@dataclass(slots=True)
class _Tally:
    """What became of the events of a stream so far."""

    counts: Counter[int] = field(default_factory=Counter)
    rejections: list[error_pb2.ItemResult] = field(default_factory=list)

    def add(self, results: list[error_pb2.ItemResult]) -> None:
        for result in results:
            self.counts[result.status] += 1
            if result.status == error_pb2.ITEM_STATUS_REJECTED and len(self.rejections) < MAX_REJECTIONS:
                self.rejections.append(result)


class CustomerServicer:
    """Serves `nextbest.v1.CustomerService`.

    `current_intake` and `current_care` return those of the generation in use, or raise NotReadyError. `items`
    counts what comes in; None: nothing does.
    """

    def __init__(
        self,
        current_intake: Callable[[], Intake],
        current_care: Callable[[], Care],
        items: Items | None = None,
    ) -> None:
        self._current_intake = current_intake
        self._current_care = current_care
        self._items = items

    async def upsert_profiles(
        self, message: customer_pb2.UpsertProfilesRequest, _context: Context
    ) -> customer_pb2.UpsertProfilesResponse:
        """Write what is known about customers."""
        intake = self._current_intake()
        check_batch(message.profiles, "profiles")
        reader = ProfileReader.of(intake.books.catalog, intake.books.features.spec)

        def read(profile: profile_pb2.Profile, path: str) -> Item[ProfileChange]:
            about, change = reader.read(profile, path)
            return Item(about, change, path)

        batch = await read_batch(message.profiles, "profiles", read)
        results = render_batch(batch, await intake.upsert(batch.sound))
        if self._items is not None:
            self._items.add("profile", (result.status for result in results))
        return customer_pb2.UpsertProfilesResponse(results=results)

    async def track_events(
        self, message: customer_pb2.TrackEventsRequest, _context: Context
    ) -> customer_pb2.TrackEventsResponse:
        """Take what happened to customers."""
        intake = self._current_intake()
        check_batch(message.events, "events")
        batch = await _read_events(message, intake)
        return customer_pb2.TrackEventsResponse(results=await self._tracked(batch, intake))

    async def stream_events(
        self, messages: AsyncIterator[customer_pb2.StreamEventsRequest], _context: Context
    ) -> customer_pb2.StreamEventsResponse:
        """Take any number of events."""
        tally = _Tally()
        async for message in messages:
            intake = self._current_intake()
            check_batch(message.events, "events")
            batch = await _read_events(message, intake)
            tally.add(await self._tracked(batch, intake))
        return customer_pb2.StreamEventsResponse(
            applied=tally.counts[error_pb2.ITEM_STATUS_APPLIED],
            duplicates=tally.counts[error_pb2.ITEM_STATUS_DUPLICATE],
            rejected=tally.counts[error_pb2.ITEM_STATUS_REJECTED],
            stale=tally.counts[error_pb2.ITEM_STATUS_STALE],
            rejections=tally.rejections,
        )

    async def _tracked(self, batch: Batch[Item[TrackedEvent]], intake: Intake) -> list[error_pb2.ItemResult]:
        results = render_batch(batch, await intake.track(batch.sound))
        if self._items is not None:
            self._items.add("event", (result.status for result in results))
            self._items.add_ages((item.content.time_ms for item in batch.sound), intake.about_now_ms())
        return results

    async def link_identities(
        self, message: customer_pb2.LinkIdentitiesRequest, _context: Context
    ) -> customer_pb2.LinkIdentitiesResponse:
        """Make one person of several names."""
        care = self._current_care()
        request = read_link(message, care.people.naming)
        linked = await care.link(request.identities, request.source, request.at_ms)
        return customer_pb2.LinkIdentitiesResponse(
            merged=linked.merged, identities=render_members(linked.person.members)
        )

    async def unlink_identities(
        self, message: customer_pb2.UnlinkIdentitiesRequest, _context: Context
    ) -> customer_pb2.UnlinkIdentitiesResponse:
        """Take names away from a person."""
        request = read_unlink(message)
        unlinked = await self._current_care().unlink(request.identities, request.source)
        return customer_pb2.UnlinkIdentitiesResponse(unlinked=render_identities(unlinked))

    async def get_customer(
        self, message: customer_pb2.GetCustomerRequest, _context: Context
    ) -> customer_pb2.GetCustomerResponse:
        """Show what is known of a customer."""
        identity = read_asked(message.identity)
        contact_limit = read_contact_limit(message.contact_limit)
        view = await self._current_care().show(identity)
        if view is None:
            return customer_pb2.GetCustomerResponse(known=False)
        return customer_pb2.GetCustomerResponse(known=True, customer=render_customer(view, contact_limit))

    async def export_customer(
        self, message: customer_pb2.ExportCustomerRequest, _context: Context
    ) -> AsyncIterator[customer_pb2.ExportCustomerResponse]:
        """Give out everything that is held about a person."""
        async for record in self._current_care().export(read_asked(message.identity)):
            content = json.dumps(record.content, ensure_ascii=False, separators=(",", ":"))
            yield customer_pb2.ExportCustomerResponse(kind=record.kind, record_json=content)

    async def erase_customer(
        self, message: customer_pb2.EraseCustomerRequest, _context: Context
    ) -> customer_pb2.EraseCustomerResponse:
        """Forget a person."""
        request = read_erase(message)
        (identity,) = request.identities
        erasure = await self._current_care().erase(identity, request.source)
        return customer_pb2.EraseCustomerResponse(
            found=bool(erasure.erased), erased=erasure.erased, complete_at_unix_ms=erasure.complete_at_ms
        )


async def _read_events(
    message: customer_pb2.TrackEventsRequest | customer_pb2.StreamEventsRequest, intake: Intake
) -> Batch[Item[TrackedEvent]]:
    reader = EventReader.of(intake.books.catalog)

    def read(event: event_pb2.Event, path: str) -> Item[TrackedEvent]:
        about, tracked = reader.read(event, path)
        return Item(about, tracked, path)

    return await read_batch(message.events, "events", read)
