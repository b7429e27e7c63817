"""What a catalog computes per customer: values, parameters of treatments, channels and send times."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nextbest_rules.bitmask import bits
from nextbest_rules.catalog import Catalog, Formula, Placement, Treatment
from nextbest_rules.cel import Expression, Kind, Timestamp
from nextbest_rules.dates import from_ms, to_ms
from nextbest_rules.sight import Function, Layout, View
from nextbest_rules.stages.quiet_hours import zone

ParameterValue = str | int | float | bool | datetime | list[str]

HOURS = 24


class ParameterError(Exception):
    """A parameter that has no value for this customer, so that its treatment cannot be shown."""

    def __init__(self, name: str) -> None:
        super().__init__(f"parameter '{name}' has no value for this customer")
        self.name = name


@dataclass(frozen=True, slots=True)
class Formulas:
    """The compiled formulas of a catalog. `computed` is the mask of the actions whose value is a formula."""

    computed: int
    _values: Mapping[int, Function]
    _parameters: Mapping[Formula, Function]
    _weights: Mapping[Formula, Function]
    _hours: Mapping[Formula, Function]
    _zones: Mapping[Formula, Function]

    @classmethod
    def of(cls, catalog: Catalog, layout: Layout) -> "Formulas":
        """Compile the formulas of a catalog."""
        expressions, placements = layout.expressions, catalog.placements.values()

        def compiled(formula: Formula, expression: Expression, kind: Kind) -> tuple[Formula, Function]:
            return formula, layout.function(expression, kind)

        values = {
            bit: layout.function(expressions.number(action.value.source), Kind.NUMBER)
            for bit, action in enumerate(catalog.actions)
            if isinstance(action.value, Formula)
        }
        parameters = {
            formula
            for action in catalog.actions
            for treatment in action.treatments
            for formula in treatment.parameters.values()
        }
        weights = {formula for placement in placements for formula in placement.channel_weights.values()}
        hours = {placement.best_hour for placement in placements if placement.best_hour}
        zones = {placement.time_zone for placement in placements if placement.time_zone}
        return cls(
            computed=sum(1 << bit for bit in values),
            _values=values,
            _parameters=dict(compiled(it, expressions.parameter(it.source), Kind.ANY) for it in parameters),
            _weights=dict(compiled(it, expressions.number(it.source), Kind.NUMBER) for it in weights),
            _hours=dict(compiled(it, expressions.number(it.source), Kind.NUMBER) for it in hours),
            _zones=dict(compiled(it, expressions.text(it.source), Kind.STRING) for it in zones),
        )

    def values(self, live: int, view: View) -> Iterator[tuple[int, float | None]]:
        """Yield the value of each live action that has a formula; None where it has none for this customer.

        Values below 0 and values that are no finite number count as none.
        """
        for bit in bits(live & self.computed):
            value = _number(self._values[bit](view.slots))
            yield bit, value if value is not None and value >= 0 else None

    def parameters(self, treatment: Treatment, view: View) -> dict[str, ParameterValue]:
        """Return a treatment's parameters.

        Raises:
            ParameterError: one of them has no value for this customer.
        """
        found: dict[str, ParameterValue] = {}
        for name, formula in treatment.parameters.items():
            value = self._parameters[formula](view.slots)
            found[name] = _parameter(name, value)
        return found

    def channels(self, placement: Placement, view: View) -> tuple[str, ...]:
        """Return the channels of a placement that suit the customer, best first; equal ones as declared."""
        if not placement.channel_weights:
            return placement.channels
        weighed = [
            (weight, channel)
            for channel in placement.channels
            if (weight := _number(self._weights[placement.channel_weights[channel]](view.slots)) or 0.0) > 0
        ]
        return tuple(channel for _, channel in sorted(weighed, key=lambda pair: -pair[0]))

    def send_at_ms(self, placement: Placement, view: View) -> int | None:
        """Return when best to send, Unix milliseconds: in the customer's best hour, now if that is now.

        None where the placement names no hour, or the customer's hour or time zone is not known.
        """
        if placement.best_hour is None:
            return None
        hour = _number(self._hours[placement.best_hour](view.slots))
        name = "UTC" if placement.time_zone is None else self._zones[placement.time_zone](view.slots)
        customer_zone = zone(name) if isinstance(name, str) else None
        if hour is None or not 0 <= hour < HOURS or customer_zone is None:
            return None
        local = from_ms(view.situation.now_ms).astimezone(customer_zone)
        if local.hour == int(hour):
            return view.situation.now_ms
        best = local.replace(hour=int(hour), minute=0, second=0, microsecond=0)
        return to_ms(best if best > local else best + timedelta(days=1))


def _parameter(name: str, value: object) -> ParameterValue:
    match value:
        case Timestamp():
            return value.to_datetime()
        case list() | tuple():
            return list(value)
        case float() if not math.isfinite(value):
            raise ParameterError(name)
        case str() | int() | float():
            return value
        case _:
            raise ParameterError(name)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
