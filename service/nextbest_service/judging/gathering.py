"""From logged decisions to the slots that are judged: models score all candidates, policies fill again."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nextbest_models.judging.slots import (
    CANDIDATE,
    CANDIDATE_GREEDY,
    LOGGED,
    Choices,
    FilledSlots,
    JudgedLog,
)
from nextbest_models.logged.rows import Rescorer
from nextbest_models.ranker import Ranker
from nextbest_rules import Action
from nextbest_service.decisions.factors import Flags, Floats
from nextbest_service.decisions.generation import Exclusive
from nextbest_service.decisions.standing import Standing
from nextbest_service.judging.log_source import Batch
from nextbest_service.judging.refilling import NotFoundAgainError, Place, Policy, check_logged, refill
from nextbest_service.judging.served import Offer, Served, Surfaces, factors_of, picks_of

NOTHING_OFFERED = "nothing was offered"


@dataclass(frozen=True, slots=True)
class JudgedModel:
    """A model as it would serve: what it knows comes from it, all else from the cold-start ladder."""

    standing: Standing
    _rescorer: Rescorer

    @classmethod
    def of(cls, ranker: Ranker, actions: Sequence[Action]) -> "JudgedModel":
        """Return a model over a catalog's actions."""
        return cls(Standing.of(actions, ranker), Rescorer(ranker))

    def propensities(self, batch: Batch, decision: int) -> Floats:
        """Return P of a decision's candidates, float64, in the order of the log.

        Raises:
            ModelError: the columns are others, or a score is no probability.
        """
        decisions, rows = batch.decisions, batch.side_rows(decision)
        known = self.standing.mature[batch.to_catalog[rows]]
        scores = self._rescorer.over(decisions.side).propensities(
            decisions.customer(decision),
            decisions.contexts[decision],
            rows[known],
            int(decisions.times_ms[decision]),
        )
        return self.standing.with_model(batch.to_catalog[rows], known, scores)[0]


@dataclass(frozen=True, slots=True)
class Judges:
    """Everything that decisions are filled again with.

    models: by name, `CANDIDATE` and, if one serves, `SERVING`. strengths: by the version that ranked, how
    many observations its propensities are worth, float64 [actions]. unknown_strength: of other versions.
    """

    surfaces: Surfaces
    exclusive: Sequence[Exclusive]
    models: Mapping[str, JudgedModel]
    strengths: Mapping[str, Floats]
    unknown_strength: Floats

    def scores(self, batch: Batch, decision: int) -> Mapping[str, Floats]:
        """Return the propensities of a decision's candidates by every model, in the order of the catalog."""
        order = batch.order(decision)
        return {name: model.propensities(batch, decision)[order] for name, model in self.models.items()}

    def places(self, served: Served, scores: Mapping[str, Floats]) -> tuple[Place, ...]:
        """Return the places of a decision, with the chances of each policy.

        Raises:
            NotFoundAgainError: the decision cannot have been made as the catalog says.
        """
        policies = dict(self._policies(served, scores))
        picks = picks_of(served)
        exclusive = [rule.members[served.rows] for rule in self.exclusive]
        places = refill(policies, served.pinned, exclusive, picks, allow_duplicates=served.allow_duplicates)
        check_logged(places, LOGGED, [offer.probability for asked in served.asked for offer in asked.offers])
        return places

    def _policies(self, served: Served, scores: Mapping[str, Floats]) -> Iterator[tuple[str, Policy]]:
        strength = self.strengths.get(served.model, self.unknown_strength)
        yield LOGGED, self._policy(served, served.propensity, strength)
        for name, model in self.models.items():
            yield name, self._policy(served, scores[name], model.standing.expected.strength)
        greedy = factors_of(served, scores[CANDIDATE], self.unknown_strength)
        yield CANDIDATE_GREEDY, Policy.of(greedy, self.surfaces.slots(served, greedy, explores=False))

    def _policy(self, served: Served, propensity: Floats, strength: Floats) -> Policy:
        factors = factors_of(served, propensity, strength)
        return Policy.of(factors, self.surfaces.slots(served, factors, explores=True))


@dataclass(slots=True)
class Gathering:
    """Slots and choices on their way.

    types: of the catalog's actions. placement: only its places are judged, given all others; None: all are.
    left_out: decisions by why they cannot be judged; not_found_again: those of them that cannot have been
    made as the catalog says. times_ms: when the others were made.
    """

    types: Sequence[str]
    placement: str | None = None
    persons: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    not_found_again: Counter[str] = field(default_factory=Counter)
    times_ms: list[int] = field(default_factory=list)
    decisions: int = 0
    choices: int = 0
    _slots: list[tuple[int, int, int, int, str, Offer]] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)
    _columns: dict[str, list[Floats]] = field(default_factory=dict)

    def add(self, judges: Judges, batch: Batch, decision: int) -> None:
        """Take one decision in, or count why not."""
        try:
            served = batch.served(decision)
            scores = judges.scores(batch, decision)
            filled = self._wanted(served, judges.places(served, scores))
        except NotFoundAgainError as error:
            self.left_out[str(error)] += 1
            self.not_found_again[str(error)] += 1
            return
        if not filled:
            self.left_out[NOTHING_OFFERED] += 1
            return
        person = self.persons.setdefault(served.person, len(self.persons))
        known = {**scores, LOGGED: served.propensity}
        for position, (place, offer) in enumerate(filled, start=1):
            chosen = self.choices + place.chosen
            self._slots.append((self.decisions, person, position, chosen, self.types[offer.row], offer))
            self._take(place, served.value, known)
        self.times_ms.append(served.at_ms)
        self.decisions += 1

    def _wanted(self, served: Served, places: Sequence[Place]) -> Sequence[tuple[Place, Offer]]:
        """Return the places of the placement in question, or all, with what was offered there."""
        offers = [(asked.placement, offer) for asked in served.asked for offer in asked.offers]
        return [
            (place, offer)
            for place, (placement, offer) in zip(places, offers, strict=True)
            if self.placement in (None, placement)
        ]

    def _take(self, place: Place, value: Floats, scores: Mapping[str, Floats]) -> None:
        columns = {
            "value": value[place.open],
            **{f"score {name}": own[place.open] for name, own in scores.items()},
            **{f"chance {name}": own for name, own in place.chances.items()},
        }
        for name, own in columns.items():
            self._columns.setdefault(name, []).append(own)
        self._sizes.append(len(place.open))
        self.choices += len(place.open)

    @property
    def misfits(self) -> int:
        """How many decisions could not be made again."""
        return sum(self.not_found_again.values())

    def log(self) -> JudgedLog:
        """Return all that was taken in."""
        rows = zip(*self._slots, strict=True) if self._slots else ((),) * 6
        decision, person, position, chosen, types, offers = rows
        columns = {name: np.concatenate(parts) for name, parts in self._columns.items()}
        return JudgedLog(
            FilledSlots(
                decision=_numbers(decision),
                person=_numbers(person),
                position=_numbers(position),
                chosen=_numbers(chosen),
                type=np.array(types, dtype=np.str_),
                positive=_flags(offer.positive for offer in offers),
                shown=_flags(offer.shown for offer in offers),
                amount=np.array([offer.amount for offer in offers], dtype=np.float64),
            ),
            Choices(
                slot=np.repeat(np.arange(len(self._sizes)), self._sizes).astype(np.int64),
                value=columns.get("value", np.zeros(0)),
                logged_probability=columns.get(f"chance {LOGGED}", np.zeros(0)),
                scores=_named(columns, "score "),
                targets={k: v for k, v in _named(columns, "chance ").items() if k != LOGGED},
            ),
        )


def _named(columns: Mapping[str, Floats], prefix: str) -> Mapping[str, Floats]:
    return {name.removeprefix(prefix): own for name, own in columns.items() if name.startswith(prefix)}


def _numbers(values: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([*values], dtype=np.int64)


def _flags(values: Iterable[bool]) -> Flags:
    return np.array([*values], dtype=np.bool_)
