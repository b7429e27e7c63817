"""From explanations to the wire."""

from collections.abc import Mapping
from typing import cast

from nextbest.v1 import proposition_pb2
from nextbest_service.decisions.explanation import Explanation, FeatureContribution, MultiplierSource

_SOURCE: Mapping[MultiplierSource, proposition_pb2.MultiplierSource] = {
    source: cast(
        proposition_pb2.MultiplierSource,
        proposition_pb2.MultiplierSource.Value(f"MULTIPLIER_SOURCE_{source.name}"),
    )
    for source in MultiplierSource
}


def render_explanation(explanation: Explanation) -> proposition_pb2.Explanation:
    """Return an explanation as the caller gets it."""
    return proposition_pb2.Explanation(
        base_log_odds=explanation.base_log_odds,
        contributions=[_contribution(it) for it in explanation.contributions],
        summary=explanation.summary,
        others_log_odds=explanation.others_log_odds,
        calibration_log_odds=explanation.calibration_log_odds,
        multipliers=[
            proposition_pb2.Multiplier(source=_SOURCE[it.source], id=it.id, factor=it.factor)
            for it in explanation.multipliers
        ],
        sentences=explanation.sentences,
    )


def _contribution(contribution: FeatureContribution) -> proposition_pb2.FeatureContribution:
    return proposition_pb2.FeatureContribution(
        feature=contribution.feature,
        value=contribution.value,
        log_odds=contribution.log_odds,
        words=contribution.words,
    )
