"""The Complete Journey data set (84.51°, CC0) as customers, events and offers."""

from nextbest_models.complete_journey.journey import CompleteJourney, load_complete_journey
from nextbest_models.complete_journey.offers import Offer
from nextbest_models.complete_journey.tables import SourceError

__all__ = ["CompleteJourney", "Offer", "SourceError", "load_complete_journey"]
