"""Features kept up to date event by event: the same numbers as a snapshot of the event log gives."""

from nextbest_models.online.changing import GivenValueError
from nextbest_models.online.engine import Affinity, OnlineFeatures
from nextbest_models.online.events import StreamEvent, text_number
from nextbest_models.online.state import FeatureState

__all__ = ["Affinity", "FeatureState", "GivenValueError", "OnlineFeatures", "StreamEvent", "text_number"]
