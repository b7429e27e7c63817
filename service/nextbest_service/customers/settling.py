"""Brings a changed person into order: forgets what nobody needs, and notes entered and left segments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeVar

from nextbest_rules import Situation
from nextbest_rules.event_types import SEGMENT_ENTERED, SEGMENT_LEFT, SEGMENT_PASSED
from nextbest_rules.records import Event, Purchase, Ticket
from nextbest_service.customers import folding
from nextbest_service.customers.books import MOST_RECORDS, Books
from nextbest_service.customers.counting import remembered
from nextbest_service.customers.events import with_declared_effects
from nextbest_service.customers.incoming import Stamp, TrackedEvent
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.customers.tokens import Attribution

T = TypeVar("T")
