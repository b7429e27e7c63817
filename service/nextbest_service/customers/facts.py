"""Facts and consents of a customer: the newest word counts, in whatever order they come in."""

from collections.abc import Iterable, Mapping, Sequence

from nextbest_rules.records import Consent
from nextbest_service.customers.folding import folded_facts
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Portion
from nextbest_service.store.keys import Ref


def told(person: Person, origin: Ref, values: Mapping[str, object], at_ms: int) -> Person:
    """Return the person with facts as they were told; None is that a fact is not known any more.

    What is held from later stays. A fact that was taken back is remembered with its time, so that an older
    value that comes in later does not bring it back.
    """
    _, as_of = folded_facts(person.portions)
    newer = {name: value for name, value in values.items() if as_of.get(name, 0) <= at_ms}
    portion = person.portion(origin)
    facts = {**portion.facts, **newer}
    facts_as_of = {**portion.facts_as_of, **dict.fromkeys(newer, at_ms)}
    if (facts, facts_as_of) == (portion.facts, portion.facts_as_of):
        return person
    return person.with_portion(origin, portion._replace(facts=facts, facts_as_of=facts_as_of))


def said(person: Person, origin: Ref, words: Iterable[Consent]) -> Person:
    """Return the person with words on consent; on the same channel and purpose the newest counts.

    Of two at once the no counts.
    """
    portion = person.portion(origin)
    consents = {(word.channel, word.purpose): word for word in portion.consents}
    for word in words:
        held = consents.get((word.channel, word.purpose))
        if held is None or _weight(held) < _weight(word):
            consents[word.channel, word.purpose] = word
    kept = tuple(consents.values())
    return (
        person if kept == portion.consents else person.with_portion(origin, portion._replace(consents=kept))
    )


def is_news(portions: Sequence[Portion], word: Consent) -> bool:
    """Tell whether a word on consent is newer than what anybody holds on its channel and purpose."""
    return all(
        _weight(held) <= _weight(word)
        for portion in portions
        for held in portion.consents
        if (held.channel, held.purpose) == (word.channel, word.purpose)
    )


def _weight(word: Consent) -> tuple[int, bool, int]:
    return word.at_ms, not word.granted, word.expires_at_ms or 0
