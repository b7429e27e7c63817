"""What a decision rests on, kept for its record."""

from collections.abc import Mapping
from typing import NamedTuple

from nextbest_service.decisions.factors import Factors
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.rankings import Ranking
from nextbest_service.decisions.reach import Reach
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.store.customers import Reading


class Basis(NamedTuple):
    """What was asked, read and computed on the way to a decision: references only, nothing is copied.

    `arms` are the customer's, by holdout and experiment, and `ranking` is what ranked. Masks are over the
    catalog: `unvalued` are the actions that have no value for the customer, `unshowable` those that would
    have been chosen, but a parameter has none.
    """

    generation: Generation
    request: DecisionRequest
    reading: Reading
    arms: Mapping[str, str]
    ranking: Ranking
    reach: Reach
    factors: Factors
    unvalued: int
    unshowable: int
