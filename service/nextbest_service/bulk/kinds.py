"""What can be loaded from files of rows, and which fields each kind has."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from nextbest_rules import Catalog
from nextbest_service.bulk.event_fields import EventFields
from nextbest_service.bulk.layouts import Fields
from nextbest_service.bulk.outcome_fields import OutcomeFields
from nextbest_service.bulk.product_fields import ProductFields
from nextbest_service.bulk.profile_fields import ProfileFields


class Kind(Enum):
    """What the rows of a file are."""

    PROFILES = "profiles"
    FEATURES = "features"
    EVENTS = "events"
    OUTCOMES = "outcomes"
    PRODUCTS = "products"


_FIELDS: dict[Kind, Callable[[Catalog, Callable[[object], int]], Fields[Any]]] = {
    Kind.PROFILES: ProfileFields,
    Kind.FEATURES: ProfileFields,
    Kind.EVENTS: EventFields,
    Kind.OUTCOMES: OutcomeFields,
    Kind.PRODUCTS: ProductFields,
}


def fields_of(kind: Kind, catalog: Catalog, time_of: Callable[[object], int]) -> Fields[Any]:
    """Return the fields of a kind of rows under a catalog."""
    return _FIELDS[kind](catalog, time_of)
