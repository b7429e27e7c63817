"""Stage consent: the customer's word on channels and purposes, and the wish to be left alone.

Missing, unreadable, lapsed or too old: all of that means no.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nextbest_rules.catalog import Catalog
from nextbest_rules.dates import iso
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.policies import ConsentRule
from nextbest_rules.records import Consent
from nextbest_rules.rulebook import speaks_on
from nextbest_rules.selection import mask_of
from nextbest_rules.sight import View
from nextbest_rules.situation import Situation
from nextbest_rules.terms import Stage


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: ConsentRule
    mask: int

    def asks(self, situation: Situation) -> bool:
        """Tell whether the rule is about contacts of this kind."""
        return speaks_on(self.rule, situation.channel, situation.direction)


@dataclass(frozen=True, slots=True)
class ConsentStage:
    """All consent rules of a catalog."""

    _rules: tuple[_Compiled, ...]

    @classmethod
    def of(cls, catalog: Catalog) -> "ConsentStage":
        """Compile the consent rules of a catalog."""
        return cls(
            tuple(_Compiled(rule, mask_of(rule.applies_to, catalog)) for rule in catalog.policies.consent)
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._rules

    def screen(self, live: int, view: View) -> int:
        """Return what the customer has agreed to."""
        situation = view.situation
        for compiled in self._rules:
            if live & compiled.mask and compiled.asks(situation) and refusal(compiled.rule, situation):
                live &= ~compiled.mask
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        situation = view.situation
        for compiled in self._rules:
            if compiled.asks(situation) and (actual := refusal(compiled.rule, situation)):
                rule = compiled.rule
                required = f"consent to {rule.purpose} on {situation.channel}"
                if rule.max_age_ms is not None:
                    required += f", given after {iso(situation.now_ms - rule.max_age_ms)}"
                yield stop(Stage.CONSENT, compiled.mask, Finding(rule.id, rule.reason, actual, required))


def refusal(rule: ConsentRule, situation: Situation) -> str:
    """Return why there is no valid consent, in words, or an empty text where there is."""
    if situation.consents is None:
        return "the consents cannot be read"
    word = last_word(situation.consents, situation.channel, rule.purpose)
    if word is None:
        return "no consent on record"
    if not word.granted:
        return f"refused at {iso(word.at_ms)}"
    if word.expires_at_ms is not None and situation.now_ms >= word.expires_at_ms:
        return f"lapsed at {iso(word.expires_at_ms)}"
    if rule.max_age_ms is not None and situation.now_ms - word.at_ms > rule.max_age_ms:
        return f"given at {iso(word.at_ms)}, too long ago"
    return ""


def last_word(consents: Iterable[Consent], channel: str, purpose: str) -> Consent | None:
    """Return the newest word that is about this channel and purpose; of two at once, the no."""
    about = [word for word in consents if word.channel in ("", channel) and word.purpose in ("", purpose)]
    return max(about, key=lambda word: (word.at_ms, not word.granted), default=None)
