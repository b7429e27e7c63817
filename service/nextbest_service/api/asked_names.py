"""What a question names, whether or not the catalog has it."""

from nextbest.v1 import decision_pb2
from nextbest_service.decisions.request import ExplainLevel
from nextbest_service.security.permissions import Asked

_LEVELS = {
    decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS: ExplainLevel.EXCLUSIONS,
    decision_pb2.EXPLAIN_LEVEL_FULL: ExplainLevel.FULL,
}


def asked_names(message: decision_pb2.DecideRequest) -> Asked:
    """Return what a question asks for by name. What it leaves open is not among it."""
    return Asked(
        placements=[placement.id for placement in message.placements],
        channels=(message.channel,) if message.channel else (),
        brands=(message.brand,) if message.brand else (),
        explain=_LEVELS.get(message.explain_level, ExplainLevel.NONE),
    )
