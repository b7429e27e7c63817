"""On which channel and when: the customer's situation on every channel that the request leaves open."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nextbest_rules import Fit, RuleSet, Screening, Situation, Surface, View
from nextbest_service.decisions.request import DecisionRequest, PlacementRequest


class Approach(NamedTuple):
    """One channel to reach the customer on, with what the rules leave for it."""

    channel: str
    view: View
    screening: Screening


class Reach(NamedTuple):
    """The ways to reach the customer, best first; none where no channel suits.

    `at_large` is the customer on no channel in particular, for what is said where there is no approach.
    """

    approaches: tuple[Approach, ...]
    at_large: View
    send_at_ms: int | None

    @property
    def view(self) -> View:
        """The customer as seen on the best channel."""
        return self.approaches[0].view if self.approaches else self.at_large

    def fits(
        self, rules: RuleSet, asked: PlacementRequest, locale: str
    ) -> Iterator[tuple[Approach, Fit, int]]:
        """Yield, per channel, how it shows actions in a placement and which ones it is used for.

        An action goes out on the best channel that it may use.
        """
        taken = 0
        for approach in self.approaches:
            fit = rules.fit(Surface(asked.placement.id, approach.channel, locale))
            mask = fit.mask & approach.screening.live & ~taken
            taken |= mask
            yield approach, fit, mask


def find_reach(rules: RuleSet, request: DecisionRequest, situation: Situation) -> Reach:
    """Screen the customer on every channel that the request leaves open."""
    at_large = rules.look(situation)
    send_at_ms = _send_at_ms(rules, request.placements, at_large)
    if request.channel and send_at_ms is None:
        return Reach((Approach(request.channel, at_large, rules.screen(at_large)),), at_large, None)
    approaches = tuple(
        _approach(rules, situation._replace(channel=channel, contact_at_ms=send_at_ms))
        for channel in _channels(rules, request, at_large)
    )
    return Reach(approaches, at_large, send_at_ms)


def _approach(rules: RuleSet, situation: Situation) -> Approach:
    view = rules.look(situation)
    return Approach(situation.channel, view, rules.screen(view))


def _channels(rules: RuleSet, request: DecisionRequest, view: View) -> Sequence[str]:
    if request.channel:
        return (request.channel,)
    # Placements that leave the choice open are asked one at a time.
    return rules.formulas.channels(request.placements[0].placement, view)


def _send_at_ms(rules: RuleSet, asked: Sequence[PlacementRequest], view: View) -> int | None:
    for item in asked:
        if item.placement.best_hour is not None:
            send_at_ms = rules.formulas.send_at_ms(item.placement, view)
            if send_at_ms is not None:
                return send_at_ms
    return None
