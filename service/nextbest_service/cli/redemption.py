"""Lets a household redeem an offer through the running service, and looks at what that changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nextbest.v1 import (
    customer_pb2,
    decision_pb2,
    error_pb2,
    event_pb2,
    identity_pb2,
    outcome_pb2,
    proposition_pb2,
)
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.complete_journey.baskets import Basket
from nextbest_models.definitions import DAY_MS
from nextbest_service.cli.own_service import Stubs
from nextbest_service.cli.rehearsal import Example, question
from nextbest_service.errors import StartupError
from nextbest_service.loading import NAMESPACE

SOURCE = "demo"
_AROUND_MS = 3 * DAY_MS
_END_MS = 1 << 62
_NOTABLE = 1e-3
"""Features move with time alone; what moved by less than a thousandth is not shown."""

Propositions = Sequence[proposition_pb2.Proposition]


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a household was offered before and after it redeemed an offer, and which features that moved.

    `features` have the values before and after. `lines` and `spend` (dollars) are of the basket it paid.
    """

    household: str
    offer: str
    lines: int
    spend: float
    before: Propositions
    after: Propositions
    features: Mapping[str, tuple[float, float]]

    @property
    def ranks(self) -> Mapping[str, tuple[int | None, int | None]]:
        """The rank of each offer before and after, None where it was not among the first."""
        before = {it.action_id: it.rank for it in self.before}
        after = {it.action_id: it.rank for it in self.after}
        return {offer: (before.get(offer), after.get(offer)) for offer in {**before, **after}}

    def figures(self) -> dict[str, object]:
        """Return what happened fit for JSON."""
        return {
            "household": self.household,
            "offer": self.offer,
            "basket_lines": self.lines,
            "basket_spend": round(self.spend, 2),
            "ranks": {offer: [*ranks] for offer, ranks in self.ranks.items()},
            "features": {name: [*map(_rounded, values)] for name, values in self.features.items()},
        }


def redeem(stubs: Stubs, journey: CompleteJourney, example: Example, as_of_ms: int) -> Redemption:
    """Show a household its offers, let it redeem one that it really redeemed later, and decide again.

    It pays a basket that it really bought around that day, at the service's time.

    Raises:
        StartupError: the service refuses what it is told.
    """
    household = example.household
    features = _features(stubs, household)
    shown = stubs.decisions.Decide(question(household, dry_run=False))
    before = [*shown.placements[0].propositions]
    accepted = next(it for it in before if it.action_id in example.redeemed)
    basket = _basket(journey, household, accepted.action_id, as_of_ms)
    _check(stubs.outcomes.ReportOutcomes(_outcomes(shown, accepted)).results)
    _check(stubs.customers.TrackEvents(_order(household, basket, shown.decided_at_unix_ms)).results)
    after = stubs.decisions.Decide(question(household)).placements[0].propositions
    moved = _features(stubs, household)
    return Redemption(
        household=household,
        offer=accepted.action_id,
        lines=len(basket.lines),
        spend=sum(line.amount for line in basket.lines),
        before=before,
        after=[*after],
        features={
            name: (value, moved[name])
            for name, value in features.items()
            if name in moved and abs(value - moved[name]) > _NOTABLE * max(1.0, abs(value))
        },
    )


def _basket(journey: CompleteJourney, household: str, offer: str, as_of_ms: int) -> Basket:
    """Return the largest basket of the days around that on which the household redeemed the offer."""
    redeemed_ms = next(
        item.day_ms
        for who, item in journey.redemptions(as_of_ms - DAY_MS, _END_MS)
        if who == household and item.offer == offer
    )
    baskets = journey.baskets(household, 0, _END_MS)
    around = [it for it in baskets if abs(it.time_ms - redeemed_ms) <= _AROUND_MS]
    return max(around or baskets[-1:], key=lambda it: len(it.lines))


def _outcomes(
    shown: decision_pb2.DecideResponse, accepted: proposition_pb2.Proposition
) -> outcome_pb2.ReportOutcomesRequest:
    """Return what happened: everything was displayed, and one was accepted."""
    displayed = (
        outcome_pb2.Outcome(
            id=f"{shown.decision_id}-{it.rank}",
            source=SOURCE,
            type=outcome_pb2.OUTCOME_TYPE_DISPLAYED,
            token=it.token,
        )
        for it in shown.placements[0].propositions
    )
    yes = outcome_pb2.Outcome(
        id=f"{shown.decision_id}-yes",
        source=SOURCE,
        type=outcome_pb2.OUTCOME_TYPE_ACCEPTED,
        token=accepted.token,
    )
    return outcome_pb2.ReportOutcomesRequest(outcomes=[*displayed, yes])


def _order(household: str, basket: Basket, time_ms: int) -> customer_pb2.TrackEventsRequest:
    """Return the purchase as the shop would report it."""
    event = event_pb2.Event(
        id=f"{SOURCE}-{basket.id}",
        source=SOURCE,
        type="order.placed",
        time_unix_ms=time_ms,
        identities=[_identity(household)],
        items=[
            event_pb2.EventItem(product_id=line.product, quantity=line.quantity, amount=line.amount)
            for line in basket.lines
        ],
    )
    event.properties["retail_discount"].double_value = basket.retail_discount
    event.properties["coupon_lines"].int_value = basket.coupon_lines
    event.properties["with_coupon"].bool_value = basket.coupon_lines > 0
    return customer_pb2.TrackEventsRequest(events=[event])


def _features(stubs: Stubs, household: str) -> dict[str, float]:
    answer = stubs.customers.GetCustomer(customer_pb2.GetCustomerRequest(identity=_identity(household)))
    return {it.name: it.value for it in answer.customer.features if it.HasField("value")}


def _identity(household: str) -> identity_pb2.Identity:
    return identity_pb2.Identity(namespace=NAMESPACE, id=household)


def _check(results: Sequence[error_pb2.ItemResult]) -> None:
    for result in results:
        if result.status == error_pb2.ITEM_STATUS_REJECTED:
            raise StartupError(f"the service refused an item: {result.error.reason}: {result.error.message}")


def _rounded(value: float) -> float:
    return round(value, 4)
