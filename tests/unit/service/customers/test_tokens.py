"""Attribution tokens: what goes in comes out, and nothing else is taken."""

import base64
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market import NOW_MS, RING, attribution, catalog

from nextbest_service.customers.tokens import Attribution, InvalidTokenError, TokenReader, issue
from nextbest_service.store.keys import KeyRing

READER = TokenReader.of(RING, catalog())
URL_SAFE = set(string.ascii_letters + string.digits + "-_")
NAMES = st.sampled_from(["cheese", "wine", "", "a-name-that-the-catalog-does-not-have-any-more", "Ärger"])


@st.composite
def attributions(draw: st.DrawFn) -> Attribution:
    """Return anything that a token may have to carry."""
    return attribution(
        action=draw(NAMES),
        decision=draw(st.binary(min_size=16, max_size=16)).hex(),
        ref=draw(st.binary(min_size=12, max_size=12)),
        placement=draw(NAMES),
        rank=draw(st.integers(0, 65535)),
        propensity=draw(st.floats(0, 1, width=32)),
        selection_probability=draw(st.floats(0, 1, width=32)),
        expires_ms=draw(st.integers(0, 2**53)),
    )


@given(attributions())
def test_what_a_token_says_is_read_again(said: Attribution) -> None:
    token = issue(RING, said)
    assert set(token) <= URL_SAFE
    assert len(token) <= 256
    assert READER.read(token) == said


def test_long_names_of_the_catalog_still_fit() -> None:
    name = "a-very-long-name-" * 4
    long = attribution(action=name, placement=name, channel=name, brand=name, treatment=name)
    token = issue(RING, long)
    assert len(token) <= 256
    known = replace(catalog(), channels=(*catalog().channels, name))
    assert TokenReader.of(RING, known).read(token) == long
    with pytest.raises(InvalidTokenError):
        READER.read(token)  # this catalog has no such name


def test_every_altered_character_is_noticed() -> None:
    token = issue(RING, attribution())
    for place, character in enumerate(token):
        for other in ("A", "b", "-", "=", " ", "\n"):
            if other != character:
                with pytest.raises(InvalidTokenError):
                    READER.read(token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("action", ["wine", "cheese", "bread"])
def test_a_token_has_one_spelling(action: str) -> None:
    """Bits that base64 leaves over must not make another token of the same content."""
    token = issue(RING, attribution(action))
    for other in URL_SAFE - {token[-1]}:
        with pytest.raises(InvalidTokenError):
            READER.read(token[:-1] + other)


@pytest.mark.parametrize("token", ["", "x", "====", "Ä" * 40, "A" * 256, "A" * 257, "!" * 100])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        READER.read(token)


def test_a_token_of_another_installation_is_refused() -> None:
    with pytest.raises(InvalidTokenError):
        READER.read(issue(KeyRing(b"another secret"), attribution()))


def test_a_token_holds_no_name_of_the_person() -> None:
    sealed = base64.urlsafe_b64decode(issue(RING, attribution()) + "==")
    assert b"anna" not in sealed
    assert attribution().ref in sealed


def test_two_propositions_have_two_tokens() -> None:
    tokens = {issue(RING, attribution(action)) for action in ("cheese", "wine")}
    tokens |= {issue(RING, attribution(decided_at_ms=NOW_MS))}
    assert len(tokens) == 3
