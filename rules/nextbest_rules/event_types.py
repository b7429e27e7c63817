"""The types of events that every catalog knows, and what a catalog adds to them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from nextbest_rules.catalog import EventType
from nextbest_rules.declarations import ValueType

SEGMENT_ENTERED = "segment.entered"
SEGMENT_LEFT = "segment.left"
SEGMENT_PASSED = "segment.passed"

_SEVERITY = {"severity": ValueType.STRING}
_TICKET = {**_SEVERITY, "kind": ValueType.STRING, "reason": ValueType.STRING}


def _type(name: str, description: str, properties: Mapping[str, ValueType] | None = None) -> EventType:
    return EventType(name, description, MappingProxyType(dict(properties or {})), recorded=False)


def _recorded(
    name: str, description: str, properties: Mapping[str, ValueType] | None = None, *, internal: bool = False
) -> EventType:
    return replace(_type(name, description, properties), recorded=True, internal=internal)


# Recorded is what rules ask for as an event. Orders are seen as purchases, tickets as tickets, answers as
# facts, messages of ours as contacts; pages and carts would fill the memory, and features count them anyway.
BUILT_IN: Mapping[str, EventType] = MappingProxyType(
    {
        item.type: item
        for item in (
            _type("order.placed", "Goods were bought: each item becomes a purchase."),
            _type("order.refunded", "Goods were given back: it ends the purchases of its items."),
            _type("page.viewed", "A page was looked at; its subject."),
            _type("cart.updated", "Goods were put into the cart or taken out."),
            _recorded("cart.abandoned", "A cart with goods was left."),
            _type("ticket.opened", "A case was opened at the service desk; its subject.", _TICKET),
            _type("ticket.updated", "A case has changed.", _TICKET),
            _type("ticket.closed", "A case was closed.", _TICKET),
            _type("message.delivered", "A message of somebody else's reached the customer."),
            _type("message.opened", "Such a message was opened."),
            _type("message.clicked", "A link in such a message was followed."),
            replace(
                _type("question.answered", "A question was answered: the answer becomes a fact."),
                answers=True,
            ),
            _recorded("mention.posted", "The customer wrote about us in public.", _SEVERITY),
            replace(_type("mention.resolved", "That was settled."), ends="mention.posted"),
            _recorded(SEGMENT_ENTERED, "The customer came into a segment; its subject.", internal=True),
            replace(
                _recorded(SEGMENT_LEFT, "The customer left a segment; its subject.", internal=True),
                ends=SEGMENT_ENTERED,
            ),
            _recorded(
                SEGMENT_PASSED,
                "The customer went from one segment of a set to another; its subject is `from>to`.",
                internal=True,
            ),
        )
    }
)
"""The built-in types by name."""


def with_built_in(declared: Iterable[EventType]) -> Mapping[str, EventType]:
    """Return all types of a catalog: the built-in ones, with what it adds to them, then its own."""
    own = {item.type: item for item in declared}
    known = {name: _extended(item, own[name]) if name in own else item for name, item in BUILT_IN.items()}
    return MappingProxyType(known | {name: item for name, item in own.items() if name not in known})


def _extended(built_in: EventType, declared: EventType) -> EventType:
    return replace(
        declared,
        description=declared.description or built_in.description,
        properties=MappingProxyType({**built_in.properties, **declared.properties}),
        ends=built_in.ends or declared.ends,
        answers=built_in.answers,
    )
