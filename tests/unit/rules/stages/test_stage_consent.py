import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import DAY, EVERYTHING, NOW, OFFERS, World, customer, held, ids, reached, why

from nextbest_rules import RuleSet, Situation, Stage
from nextbest_rules.dates import iso
from nextbest_rules.records import Consent
from nextbest_rules.stages.consent import last_word
from nextbest_rules.terms import Direction

RULES = """
consent:
  - {id: marketing, applies_to: {types: [OFFER, INFORMATION]}, purpose: marketing, max_age: 730d,
     reason: No consent.}
  - {id: service, applies_to: {types: [SERVICE]}, purpose: service, channels: [email], reason: No consent.}
"""


@pytest.fixture(scope="module")
def rules(world: World) -> RuleSet:
    return world(policies=RULES)


def word(
    granted: bool = True, at: int = NOW - DAY, channel: str = "email", purpose: str = "marketing"
) -> Consent:
    return Consent(granted, at, channel, purpose)


def told(*words: Consent, channel: str = "email") -> Situation:
    return reached(channel, consents=words)


def test_no_word_is_a_no(rules: RuleSet) -> None:
    assert held(rules, told()) == EVERYTHING
    found = why(rules, told(), "loan")
    assert (found.stage, found.rule_id, found.reason) == (Stage.CONSENT, "marketing", "No consent.")
    assert found.actual == "no consent on record"
    assert found.required == f"consent to marketing on email, given after {iso(NOW - 730 * DAY)}"
    assert found.eligible_at_ms is None
    assert why(rules, told(), "status").required == "consent to service on email"


def test_a_yes_is_for_its_channel_and_purpose_only(rules: RuleSet) -> None:
    assert held(rules, told(word())) == {"status"}
    assert held(rules, told(word(channel="sms"))) == EVERYTHING
    assert held(rules, told(word(purpose="service"))) == EVERYTHING - {"status"}


def test_a_word_without_channel_or_purpose_is_for_all_of_them(rules: RuleSet) -> None:
    assert held(rules, told(word(channel=""))) == {"status"}
    assert held(rules, told(word(purpose=""))) == set()
    assert held(rules, told(word(channel="", purpose=""))) == set()
    assert held(rules, told(word(), word(granted=False, at=NOW, channel="", purpose=""))) == EVERYTHING


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ([word(at=NOW - 2), word(granted=False, at=NOW - 1)], False),
        ([word(granted=False, at=NOW - 2), word(at=NOW - 1)], True),
        ([word(at=NOW - 1), word(granted=False, at=NOW - 2)], True),
        ([word(at=NOW - 1, channel=""), word(granted=False, at=NOW - 2)], True),
        ([word(at=NOW - 2), word(granted=False, at=NOW - 1, purpose="service")], True),
        ([word(at=NOW - 1), word(granted=False, at=NOW - 1)], False),
        ([word(granted=False, at=NOW - 1), word(at=NOW - 1)], False),
    ],
)
def test_the_newest_word_counts_and_of_two_at_once_the_no(
    rules: RuleSet, words: list[Consent], allowed: bool
) -> None:
    assert ("loan" in ids(rules, told(*words))) is allowed


def test_a_refusal_is_named_with_its_time(rules: RuleSet) -> None:
    assert why(rules, told(word(granted=False)), "tip").actual == f"refused at {iso(NOW - DAY)}"


def test_a_yes_lapses_at_its_end(rules: RuleSet) -> None:
    assert "loan" in ids(rules, told(word()._replace(expires_at_ms=NOW + 1)))
    lapsed = told(word()._replace(expires_at_ms=NOW))
    assert "loan" in held(rules, lapsed)
    assert why(rules, lapsed, "loan").actual == f"lapsed at {iso(NOW)}"


def test_an_older_yes_does_not_stand_in_for_a_lapsed_one(rules: RuleSet) -> None:
    older = word(at=NOW - 9 * DAY)
    assert "loan" in held(rules, told(word()._replace(expires_at_ms=NOW - 1), older))


def test_a_yes_fades_with_age(rules: RuleSet) -> None:
    assert "loan" in ids(rules, told(word(at=NOW - 730 * DAY)))
    faded = told(word(at=NOW - 730 * DAY - 1))
    assert "loan" in held(rules, faded)
    assert why(rules, faded, "loan").actual == f"given at {iso(NOW - 730 * DAY - 1)}, too long ago"
    assert "status" in ids(rules, told(word(at=0, purpose="service")))


def test_consents_that_cannot_be_read_are_none(rules: RuleSet) -> None:
    unreadable = reached(consents=None)
    assert held(rules, unreadable) == EVERYTHING
    assert why(rules, unreadable, "loan").actual == "the consents cannot be read"


def test_who_comes_to_us_needs_not_agree_first(rules: RuleSet) -> None:
    assert ids(rules, customer(consents=None)) == EVERYTHING


def test_a_rule_may_be_about_some_channels_and_directions(world: World, rules: RuleSet) -> None:
    assert held(rules, told(channel="sms")) == OFFERS | {"tip"}
    text = "consent: [{id: c, purpose: marketing, directions: [INBOUND], channels: [web], reason: No.}]"
    inbound = world(policies=text)
    assert held(inbound, customer()) == EVERYTHING
    assert ids(inbound, customer(channel="app")) == EVERYTHING
    assert ids(inbound, reached("web")) == EVERYTHING


WORDS = st.builds(
    Consent,
    granted=st.booleans(),
    at_ms=st.integers(0, 3),
    channel=st.sampled_from(["", "email", "sms"]),
    purpose=st.sampled_from(["", "marketing", "service"]),
)


@given(st.lists(WORDS, max_size=5))
def test_the_last_word_does_not_depend_on_the_order_of_the_record(words: list[Consent]) -> None:
    about = [it for it in words if it.channel in ("", "sms") and it.purpose in ("", "service")]
    newest = max((it.at_ms for it in about), default=-1)
    expected = all(it.granted for it in about if it.at_ms == newest) if about else None
    for order in (words, words[::-1]):
        found = last_word(order, "sms", "service")
        assert (None if found is None else found.granted) == expected


LEFT_ALONE = """
do_not_contact:
  - id: left_alone
    applies_to: {but_not: {tags: [essential]}}
    when: facts.vip || facts.age > 90
    reason: Asked to be left alone.
  - {id: no_tips, applies_to: {groups: [tips]}, when: facts.vip, directions: [INBOUND], when_unknown: allow,
     reason: No tips.}
"""
SOME = {"vip": False, "age": 30}


def test_a_wish_not_to_be_contacted_holds_while_its_condition_holds(world: World) -> None:
    rules = world(policies=LEFT_ALONE)
    assert ids(rules, reached(facts=SOME)) == EVERYTHING
    assert held(rules, reached(facts={"vip": False, "age": 91})) == EVERYTHING - {"status"}
    wish = reached(facts={"vip": True})
    assert held(rules, wish) == EVERYTHING - {"status"}
    found = why(rules, wish, "loan")
    assert (found.stage, found.rule_id) == (Stage.CONSENT, "left_alone")
    assert found.actual == "facts.vip = true; facts.age is unknown"
    assert found.required == "not (facts.vip || facts.age > 90)"


def test_a_wish_that_cannot_be_known_is_taken_for_one_unless_the_rule_says_otherwise(world: World) -> None:
    rules = world(policies=LEFT_ALONE)
    assert held(rules, reached(facts={"vip": False})) == EVERYTHING - {"status"}
    assert held(rules, reached(facts=None)) == EVERYTHING - {"status"}
    assert ids(rules, customer(facts={})) == EVERYTHING


def test_a_wish_is_about_its_directions(world: World) -> None:
    rules = world(policies=LEFT_ALONE)
    assert held(rules, customer(facts={"vip": True, "age": 99})) == {"tip"}
    assert customer().direction is Direction.INBOUND


def test_the_word_is_named_before_the_wish(world: World) -> None:
    rules = world(policies=RULES + LEFT_ALONE)
    wish = reached(facts={"vip": True})
    assert why(rules, wish, "loan").rule_id == "marketing"
    agreed = reached(facts={"vip": True}, consents=(word(purpose=""),))
    assert why(rules, agreed, "loan").rule_id == "left_alone"
