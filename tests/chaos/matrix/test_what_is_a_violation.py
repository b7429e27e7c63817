"""The judges of faults are judged: what goes against the invariants or the expectation is found."""

from collections import Counter

import invariants
import pytest
from acks import Customer, Decided, Failed, Held, Kind, Shown, Told
from courses import IN_A_ROW, Course
from verdicts import RETRIABLE, Expectation, judged

ANNA, BERT = Customer("anna", Kind.PLAIN), Customer("bert", Kind.TROUBLED)


def decided(
    *actions: str, customer: Customer = ANNA, name: str = "d", at: float = 0.0, why: str = "", tag: str = ""
) -> Decided:
    shown = tuple(Shown(action, tag) for action in actions)
    rung = "PLACEMENT_FALLBACK" if why else "STATIC_PRIORITY"
    return Decided(customer, name, shown, rung, frozenset({why} - {""}), at, at + 0.001)


def held(**contacts: int) -> Held:
    return Held(Counter({("d", name, "DISPLAYED"): n for name, n in contacts.items()}), (), 0, 0)


def test_caps_count_decisions_and_not_repeated_answers() -> None:
    thrice = [decided("first", name=str(number)) for number in range(3)]
    assert not [*invariants.exceeded_caps([*thrice, thrice[0], decided("note", tag="anna")])]
    assert [*invariants.exceeded_caps([*thrice, decided("first", name="4")])] == [
        "anna was given first 4 times"
    ]


def test_caps_count_reservations_in_the_store() -> None:
    contacts = Counter({(str(number), "coupon", "DISPLAYED"): 1 for number in range(3)})
    assert not [*invariants.exceeded_in_store({"anna": Held(contacts, [("0", "coupon")], 0, 0)})]
    assert [*invariants.exceeded_in_store({"anna": Held(contacts, [("3", "coupon")], 0, 0)})]


@pytest.mark.parametrize("why", ["", "STORE_TIMEOUT"])
def test_what_is_forbidden_is_so_on_every_rung_and_from_the_moment_on(why: str) -> None:
    assert [*invariants.shown_against_rules([decided("upgrade", customer=BERT, why=why)], {})]
    late, early = decided("upgrade", at=2.0, why=why), decided("upgrade", at=0.5, why=why)
    assert not [*invariants.shown_against_rules([late, early], {})]
    assert len([*invariants.shown_against_rules([late, early], {ANNA: 1.0})]) == 1


def test_answers_of_others_are_found() -> None:
    assert not [*invariants.crossed([decided("note", tag="anna")])]
    assert [*invariants.crossed([decided("note", tag="bert")])]
    assert [*invariants.crossed([decided("note")])]


@pytest.mark.parametrize("there", [0, 1, 2])
def test_what_was_acknowledged_is_there_once(there: int) -> None:
    told = {ANNA: Told(Counter({("d", "note", "DISPLAYED"): 1}))}
    lost = [*invariants.lost_or_doubled(told, {"anna": held(note=there)})]
    missing = [*invariants.missing_in_log(told, Counter({("d", "note", "DISPLAYED"): there}))]
    assert bool(lost) == bool(missing) == (there != 1)


def test_orders_and_clicks_are_counted() -> None:
    assert [*invariants.lost_or_doubled({ANNA: Told(orders=2)}, {"anna": Held(Counter(), (), 1, 0)})]
    assert [*invariants.lost_or_doubled({ANNA: Told()}, {"anna": Held(Counter(), (), 0, 1)})]


def course(short: int, errors: int = 0, refused: str = "", after: int = IN_A_ROW) -> Course:
    """Return a fault from second 1 to 2 with some short answers, and full ones once it is over."""
    answers = [
        decided(at=1.0 + number / 200, why="STORE_TIMEOUT" * (number < short)) for number in range(100)
    ]
    answers += [decided(at=2.0 + number / 100) for number in range(after)]
    failed = [Failed("Decide", "UNAVAILABLE", "", 1.5, 1.6)] * errors
    failed += [Failed("TrackEvents", refused, "", 1.5, 1.6)] * bool(refused)
    return Course(answers, failed, 1.0, 2.0)


UNNOTICED = Expectation("nothing")
NOTICED = Expectation("much", rungs=frozenset({"PLACEMENT_FALLBACK"}), short=True, refusals=RETRIABLE)


@pytest.mark.parametrize(
    ("expected", "seen", "passes"),
    [
        (UNNOTICED, course(0), True),
        (UNNOTICED, course(3), True),
        (UNNOTICED, course(50), False),
        (UNNOTICED, course(0, errors=1), False),
        (UNNOTICED, course(0, refused="UNAVAILABLE"), False),
        (UNNOTICED, course(0, after=5), False),
        (NOTICED, course(50, refused="UNAVAILABLE"), True),
        (NOTICED, course(50, refused="INTERNAL"), False),
        (NOTICED, course(0), False),
    ],
)
def test_a_verdict_passes_where_all_is_as_expected(expected: Expectation, seen: Course, passes: bool) -> None:
    assert (not judged("fault", "what", expected, seen, []).wrong) is passes
    assert judged("fault", "what", expected, seen, ["a violation"]).wrong
