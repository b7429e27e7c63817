"""Hold an answer against what a test expects, and say readably where they differ and why."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nextbest_rules.dates import from_ms, iso
from nextbest_rules.explanation import Exclusion
from nextbest_rules.trials.documents import (
    ONLY_PLACEMENT,
    ExclusionDocument,
    ExpectDocument,
    PropositionDocument,
)
from nextbest_rules.trials.moments import NEVER, Moment, parse_moment
from nextbest_rules.trials.places import Path
from nextbest_rules.trials.question import EVERYWHERE, Answer, Offer, Question
from nextbest_rules.trials.suites import Trial

_NOTHING = "nothing"
_CLOSE = 1e-9
_PLAINLY_COMPARED = (
    *("rank", "treatment", "channel", "pinned", "fallback"),
    *("lever", "context_weight", "value", "priority"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that an answer does not meet: its path in the test, and the two sides as text.

    `why` explains what came, a line each.
    """

    path: Path
    expected: str
    came: str
    why: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """The expectation's name, such as `expect.excluded.tips.rule`."""
        return ".".join(step for step in self.path if isinstance(step, str))


def judge(trial: Trial, answer: Answer) -> tuple[Failure, ...]:
    """Return every expectation of a test that the answer does not meet."""
    return tuple(_Judge(trial.question, answer).failures(trial.expect))


@dataclass(frozen=True, slots=True)
class _Judge:
    question: Question
    answer: Answer

    def failures(self, expect: ExpectDocument) -> Iterator[Failure]:
        yield from self._offered(expect.offered or {})
        if expect.first is not None:
            yield from self._first(expect.first)
        for place, action in enumerate(expect.includes or ()):
            if self._offer_of(action) is None:
                yield Failure(
                    ("expect", "includes", place), action, self._all_offers(), self._why_not([action])
                )
        for place, action in enumerate(expect.lacks or ()):
            if self._offer_of(action) is not None:
                yield Failure(
                    ("expect", "lacks", place), f"{action} is not offered", self._whereabouts(action)
                )
        if expect.nothing and any(self.answer.offers.values()):
            yield Failure(("expect", "nothing"), _NOTHING, self._all_offers())
        for action, excluded in (expect.excluded or {}).items():
            yield from self._excluded(action, excluded)
        for action, proposition in (expect.propositions or {}).items():
            yield from self._proposition(action, proposition)

    def _offered(self, expected: Mapping[str, list[str]]) -> Iterator[Failure]:
        for name, actions in expected.items():
            placement = self.question.placements[0].placement.id if name == ONLY_PLACEMENT else name
            came = [offer.action for offer in self.answer.offers.get(placement, ())]
            if came != actions:
                missing = [action for action in actions if action not in came]
                path = ("expect", "offered") if name == ONLY_PLACEMENT else ("expect", "offered", name)
                yield Failure(path, _names(actions), _names(came), self._why_not(missing, placement))

    def _first(self, expected: str) -> Iterator[Failure]:
        placement = self.question.placements[0].placement.id
        offers = self.answer.offers.get(placement, ())
        if not offers or offers[0].action != expected:
            came = _names(offer.action for offer in offers)
            why = self._ranks(expected, offers) or self._why_not([expected], placement)
            yield Failure(("expect", "first"), expected, came, why)

    def _ranks(self, expected: str, offers: Sequence[Offer]) -> tuple[str, ...]:
        """Show the factors of the first offer and of the expected one, if that is offered at all."""
        beaten = next((offer for offer in offers if offer.action == expected), None)
        return () if beaten is None else (_factors(offers[0]), _factors(beaten))

    def _excluded(self, action: str, expected: ExclusionDocument) -> Iterator[Failure]:
        path: Path = ("expect", "excluded", action)
        found = list(self._exclusions_of(action))
        if not found:
            came = self._whereabouts(action) if self._offer_of(action) else "neither offered nor excluded"
            yield Failure(path, f"excluded by {_wanted(expected)}", came)
            return
        differing = [list(self._differences(path, expected, exclusion)) for exclusion in found]
        if all(differing):
            yield from min(differing, key=len)

    def _differences(
        self, path: Path, expected: ExclusionDocument, exclusion: Exclusion
    ) -> Iterator[Failure]:
        actual = {
            "stage": exclusion.stage.value,
            "rule": exclusion.rule_id,
            "reason": exclusion.reason,
            "actual": exclusion.actual,
            "required": exclusion.required,
        }
        why = (_explained(exclusion),)
        for key, value in actual.items():
            wanted = getattr(expected, key)
            if wanted is not None and wanted != value:
                yield Failure((*path, key), wanted or _NOTHING, value or _NOTHING, why)
        if expected.eligible_at is not None and self._time(expected.eligible_at) != exclusion.eligible_at_ms:
            wanted_time = _time_text(self._time(expected.eligible_at))
            yield Failure((*path, "eligible_at"), wanted_time, _time_text(exclusion.eligible_at_ms), why)

    def _proposition(self, action: str, expected: PropositionDocument) -> Iterator[Failure]:
        path: Path = ("expect", "propositions", action)
        offer = self._offer_of(action)
        if offer is None:
            yield Failure(path, f"{action} is offered", self._all_offers(), self._why_not([action]))
            return
        for key in _PLAINLY_COMPARED:
            wanted, came = getattr(expected, key), getattr(offer, key)
            if wanted is not None and not _same(wanted, came):
                yield Failure((*path, key), _text(wanted), _text(came))
        for key, moment, time_ms in (
            ("send_at", expected.send_at, offer.send_at_ms),
            ("expires_at", expected.expires_at, offer.expires_at_ms),
        ):
            if moment is not None and self._time(moment) != time_ms:
                yield Failure((*path, key), _time_text(self._time(moment)), _time_text(time_ms))
        yield from self._values((*path, "parameters"), expected.parameters, offer.parameters)
        yield from self._values((*path, "content"), expected.content, offer.content)

    def _values(
        self, path: Path, expected: Mapping[str, object] | None, came: Mapping[str, object]
    ) -> Iterator[Failure]:
        for name, wanted in (expected or {}).items():
            if not self._holds(wanted, came.get(name)):
                yield Failure((*path, name), _text(wanted), _text(came[name]) if name in came else "absent")

    def _holds(self, wanted: object, came: object) -> bool:
        """Tell whether a value is as wanted; of a mapping only what is named must be there."""
        if isinstance(wanted, Mapping) and isinstance(came, Mapping):
            return all(self._holds(value, came.get(key)) for key, value in wanted.items())
        if isinstance(came, datetime) and isinstance(wanted, str):
            return from_ms(parse_moment(wanted).at(self.question.now_ms)) == came
        return _same(wanted, came)

    def _time(self, moment: Moment | str) -> int | None:
        return None if isinstance(moment, str) else moment.at(self.question.now_ms)

    # --- what came, and why

    def _offer_of(self, action: str) -> Offer | None:
        offers = (offer for offers in self.answer.offers.values() for offer in offers)
        return next((offer for offer in offers if offer.action == action), None)

    def _whereabouts(self, action: str) -> str:
        ranks = [
            f"{placement} at rank {offer.rank}"
            for placement, offers in self.answer.offers.items()
            for offer in offers
            if offer.action == action
        ]
        return f"{action} is offered in {' and '.join(ranks)}"

    def _all_offers(self) -> str:
        if len(self.answer.offers) == 1:
            return _names(offer.action for offers in self.answer.offers.values() for offer in offers)
        return "; ".join(
            f"{placement}: {_names(offer.action for offer in offers)}"
            for placement, offers in self.answer.offers.items()
        )

    def _exclusions_of(self, action: str, placement: str | None = None) -> Iterator[Exclusion]:
        for name, exclusions in self.answer.exclusions.items():
            if placement is None or name in (EVERYWHERE, placement):
                yield from (exclusion for exclusion in exclusions if exclusion.action_id == action)

    def _why_not(self, actions: Iterable[str], placement: str | None = None) -> tuple[str, ...]:
        return tuple(
            _explained(exclusion)
            for action in actions
            for exclusion in self._exclusions_of(action, placement)
        )


def _explained(exclusion: Exclusion) -> str:
    stopper = f"{exclusion.stage} {exclusion.rule_id}".strip()
    details = [("is", exclusion.actual), ("needs", exclusion.required)]
    if exclusion.eligible_at_ms is not None:
        details.append(("eligible at", iso(exclusion.eligible_at_ms)))
    told = "; ".join(f"{label}: {detail}" for label, detail in details if detail)
    return (
        f"{exclusion.action_id} was left out by {stopper}: {exclusion.reason}{f' ({told})' if told else ''}"
    )


def _factors(offer: Offer) -> str:
    pinned = ", pinned" if offer.pinned else ""
    weight = f", context weight {offer.context_weight:g}" if offer.context_weight != 1 else ""
    return (
        f"{offer.action} has rank {offer.rank}: priority {offer.priority:.6g}, value {offer.value:g}, "
        f"lever {offer.lever:g}{weight}{pinned}"
    )


def _wanted(expected: ExclusionDocument) -> str:
    return " ".join(filter(None, (expected.stage, expected.rule))) or "any rule"


def _names(actions: Iterable[str]) -> str:
    return ", ".join(actions) or _NOTHING


def _time_text(time_ms: int | None) -> str:
    return NEVER if time_ms is None else from_ms(time_ms).isoformat().replace("+00:00", "Z")


def _same(wanted: object, came: object) -> bool:
    if _is_number(wanted) and _is_number(came):
        return math.isclose(float(wanted), float(came), rel_tol=_CLOSE)  # type: ignore[arg-type]
    return type(wanted) is type(came) and wanted == came


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return value or _NOTHING if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
