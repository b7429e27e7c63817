"""What a profile does to a person: newer words replace older ones, and nothing else changes."""

from collections.abc import Mapping

from nextbest_service.customers.books import Books
from nextbest_service.customers.facts import is_news, said, told
from nextbest_service.customers.folding import folded_facts
from nextbest_service.customers.incoming import ProfileChange, Status
from nextbest_service.customers.person import Person
from nextbest_service.store.keys import Ref


def apply_profile(
    books: Books, person: Person, origin: Ref, change: ProfileChange, now_ms: int
) -> tuple[Person, Status]:
    """Return the person after a profile, and whether it told anything that is not older than what is held."""
    as_of_ms = now_ms if change.as_of_ms is None else change.as_of_ms
    _, held = folded_facts(person.portions)
    attributes: Mapping[str, object] = {**change.attributes, **dict.fromkeys(change.removed)}
    facts = {name: value for name, value in attributes.items() if held.get(name, 0) <= as_of_ms}
    words = [word if word.at_ms else word._replace(at_ms=as_of_ms) for word in change.consents]
    news = [word for word in words if is_news(person.portions, word)]
    features = _newer_features(books, person, change.features, as_of_ms)
    mentioned = len(attributes) + len(words) + len(change.features)
    if mentioned and not (facts or news or features):
        return person, Status.STALE
    if facts:
        person = told(person, origin, facts, as_of_ms)
    if news:
        person = said(person, origin, news)
    if features:
        portion = person.portion(origin)
        state = books.features.empty if portion.features is None else portion.features
        since = [event for seen in portion.seen for event in seen.counted if event.time_ms > as_of_ms]
        state = books.features.with_given(state, features, as_of_ms, since)
        person = person.with_portion(origin, portion._replace(features=state))
    return person, Status.APPLIED


def _newer_features(
    books: Books, person: Person, values: Mapping[str, float], as_of_ms: int
) -> Mapping[str, float]:
    """Return the values that are at least as new as those that any portion was given."""
    if not values:
        return {}
    states = [portion.features for portion in person.portions if portion.features is not None]
    given = [books.features.as_of(state) for state in states]
    return {name: value for name, value in values.items() if all(it.get(name, 0) <= as_of_ms for it in given)}
