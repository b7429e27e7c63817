"""How many calls wait before the event loop takes them up: those beyond are turned away by gRPC itself.

gRPC for Python takes calls up one by one, in the order in which they came. Where more come than can be
answered, the queue of those that wait grows until each has waited longer than its caller does, and nobody is
answered. To refuse a call in Python costs a sixth to a quarter of an answer, too much to do it for each.
gRPC's own core does it for next to nothing, from some length of the queue on at random, from another on
always. Such a call ends with CANCELLED and without details.
"""

from collections.abc import Sequence

_SOME = 0.75
"""At this share of the most, some calls are turned away; at the most all are."""


def waiting(most: int) -> Sequence[tuple[str, int]]:
    """Return the options of gRPC for a server before which at most so many calls wait."""
    return (
        ("grpc.server.max_pending_requests", max(1, int(most * _SOME))),
        ("grpc.server.max_pending_requests_hard_limit", most),
    )
