"""English for figures, effects and features. The same figures always give the same words."""

import math
from collections.abc import Sequence

from nextbest_models.definitions import AttributeValue, Source
from nextbest_models.features import Feature
from nextbest_rules.catalog import FeatureDeclaration

_MUCH = math.log(2.0)
"""An effect that doubles or halves the odds is called a lot."""
_LITTLE = math.log(1.2)
_NOTICEABLE = 0.005
_MISSING = {
    Source.CUSTOMER: "not known",
    Source.ACTION: "not declared",
    Source.CONTEXT: "not given",
    Source.PAIR: "nothing on record",
}
_TEN_THOUSAND, _EXACT_BELOW = 10_000, 1e15


def figure(number: float) -> str:
    """Return a number as people write it, to three digits or to the whole: 0.0312, 12, 1,204.5."""
    if not abs(number) < _EXACT_BELOW:
        return f"{number:.3g}"
    if number == int(number):
        return f"{int(number):,}"
    return f"{number:,.1f}" if abs(number) >= 100 else f"{number:.3g}"  # noqa: PLR2004 - three digits


def chance(probability: float) -> str:
    """Return a probability as so many times in so many, to two digits."""
    if probability > 0.99:  # noqa: PLR2004 - rounded, it would read like a certainty
        return "more than 99 times in 100" if probability < 1 else "always"
    for base, least in ((100, 0.01), (_TEN_THOUSAND, 0.0001)):
        if probability >= least:
            times = _rounded(probability * base)
            return f"once in {base:,} times" if times == "1" else f"{times} times in {base:,}"
    return f"less than once in {_TEN_THOUSAND:,} times"


def effect(log_odds: float) -> str:
    """Return what a part of the log-odds does to a propensity."""
    if abs(log_odds) < _NOTICEABLE:
        return "hardly changes it"
    verb = "raises it" if log_odds > 0 else "lowers it"
    size = abs(log_odds)
    return f"{verb} a lot" if size >= _MUCH else verb if size >= _LITTLE else f"{verb} a little"


def feature_words(feature: Feature, declared: FeatureDeclaration, value: float | None) -> str:
    """Return a feature and its value, by its description (else its name) and unit in the catalog."""
    name = declared.description.strip().rstrip(".") or feature.name
    return f"{name}: {_shown(feature, declared.unit, value)}"


def listed(words: Sequence[str]) -> str:
    """Return words as an enumeration: a, b and c."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _shown(feature: Feature, unit: str, value: float | None) -> str:
    if value is None:
        return _MISSING[feature.source]
    if isinstance(feature.definition, AttributeValue):
        # The catalog wrote a word where the model sees its code.
        words = [word for word, code in feature.definition.codes if code == value]
        if len(words) == 1:
            return words[0]
    return f"{figure(value)} {unit}".strip()


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")  # noqa: PLR2004 - two digits
