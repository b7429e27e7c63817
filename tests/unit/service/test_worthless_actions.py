"""Actions that are worth nothing, or whose priority makes no sense, do not win over silence by accident."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from small_shop import NOW_MS, decided, limited

from nextbest_rules import Exclusion
from nextbest_rules.records import Ticket
from nextbest_service.decisions.decision import Decision, SelectionType
from nextbest_service.decisions.generation import Generation

FAULT = Ticket("t", "fault", "high", opened_at_ms=NOW_MS)
FORMULA = (
    "- {id: formula, type: INFORMATION, issue: i, group: g, title: T, lever: 1000, "
    "value: facts.worth * 2.0}\n"
)
FREE = "- {id: free, type: INFORMATION, issue: i, group: g, title: T, value: 0}\n"
SUNK = "- {id: sunk, type: INFORMATION, issue: i, group: g, title: T, value: 5, lever: 0}\n"


def offered(decision: Decision) -> list[str]:
    (placement,) = decision.placements
    return [it.action.id for it in placement.propositions]


def reasons(decision: Decision) -> Mapping[str, Exclusion]:
    """Return the exclusions by action; whatever is not offered has one."""
    found = {it.exclusion.action_id: it.exclusion for it in decision.exclusions}
    catalog = decision.basis.generation.catalog
    assert set(offered(decision)) | set(found) == {it.id for it in catalog.actions}
    assert not set(offered(decision)) & set(found)
    return found


@pytest.mark.parametrize(
    ("worth", "rule"),
    [
        *((None, "value"), (-0.001, "value"), (-1e308, "value"), ("much", "value")),
        *((math.nan, "value"), (math.inf, "value"), (-math.inf, "value"), (1e308, "value")),
        *((0.0, "priority"), (-0.0, "priority"), (8e307, "priority"), (5e-324, "priority")),
    ],
)
def test_a_value_that_comes_to_nothing_leaves_the_action_out_and_says_so(
    tmp_path: Path, worth: object, rule: str
) -> None:
    """8e307 is finite as a value, and with its lever no more; 5e-324 times 0.01 is 0."""
    decision = decided(limited(tmp_path, actions=FORMULA), only=("formula",), facts={"worth": worth})
    assert offered(decision) == []
    assert reasons(decision)["formula"].rule_id == rule


def test_a_value_above_zero_is_offered(tmp_path: Path) -> None:
    decision = decided(limited(tmp_path, actions=FORMULA), only=("formula",), facts={"worth": 0.001})
    assert offered(decision) == ["formula"]


@pytest.mark.parametrize("formula", ["9223372036854775807 + 1", "1 / int(facts.worth)", "1.0 / facts.worth"])
def test_a_formula_that_fails_gives_no_value(tmp_path: Path, formula: str) -> None:
    more = FORMULA.replace("facts.worth * 2.0", formula)
    decision = decided(limited(tmp_path, actions=more), only=("formula",), facts={"worth": 0.0})
    assert (offered(decision), reasons(decision)["formula"].rule_id) == ([], "value")


@pytest.mark.parametrize(("more", "name"), [(FREE, "free"), (SUNK, "sunk")])
def test_a_declared_zero_is_no_better_than_nothing(tmp_path: Path, more: str, name: str) -> None:
    decision = decided(limited(tmp_path, actions=more))
    assert offered(decision) == ["best", "second", "note"]
    lost = reasons(decision)[name]
    assert (lost.rule_id, lost.reason) == ("priority", "A priority of 0 is no better than nothing.")
    assert lost.actual in {"priority = 0.01 × 1 × 0 × 4", "priority = 0.01 × 1 × 5 × 0"}
    assert lost.required == "a finite number above 0"


def worthless_note(root: Path, value: str, home: str = "") -> Generation:
    """Return a shop whose note, which a guard pins, has another value."""
    return limited(root, home, FREE.replace("free", "aside").replace("value: 0", "value: 7"), value)


def test_what_a_guard_pins_is_offered_though_it_is_worth_nothing(tmp_path: Path) -> None:
    decision = decided(worthless_note(tmp_path, "0"), tickets=(FAULT,), limit=1)
    (note,) = decision.placements[0].propositions
    assert (note.action.id, note.selection, note.priority) == ("note", SelectionType.PINNED, 0.0)


@pytest.mark.parametrize("worth", [None, -1.0, 8e307])
def test_what_a_guard_pins_is_not_offered_without_a_proper_number(tmp_path: Path, worth: object) -> None:
    generation = worthless_note(tmp_path, "facts.worth * 2.0, lever: 1000")
    decision = decided(generation, tickets=(FAULT,), facts={"worth": worth})
    assert offered(decision) == ["best", "second", "aside"]
    assert reasons(decision)["note"].rule_id in {"value", "priority"}


def test_a_fallback_may_be_worth_nothing_and_stands_in_for_what_is(tmp_path: Path) -> None:
    generation = worthless_note(tmp_path, "0", ", fallback: note")
    (note,) = decided(generation, only=("note",)).placements[0].propositions
    assert (note.action.id, note.selection) == ("note", SelectionType.FALLBACK)
    decision = decided(generation)
    assert offered(decision) == ["best", "second", "aside"]
    assert reasons(decision)["note"].rule_id == "fallback"


def test_a_fallback_whose_priority_is_no_number_does_not_stand_in(tmp_path: Path) -> None:
    generation = worthless_note(tmp_path, "facts.worth * 2.0, lever: 1000", ", fallback: note")
    decision = decided(generation, only=("note",), facts={"worth": 8e307})
    assert (offered(decision), reasons(decision)["note"].rule_id) == ([], "priority")


@pytest.mark.parametrize("method", ["method: epsilon_greedy, share: 0.5", "method: thompson"])
@pytest.mark.parametrize("worth", [None, 0.0, 8e307, 3.0])
def test_exploring_tries_nothing_that_may_take_no_place(
    tmp_path: Path, method: str, worth: float | None
) -> None:
    generation = limited(tmp_path, f", explore: {{{method}, regret: 1.0}}", FORMULA + FREE + SUNK)
    for number in range(40):
        facts = {"worth": worth}
        found = decided(generation, facts=facts, decision_id=f"{number:032x}")
        names = {"best", "second", "note"} | ({"formula"} if worth == 3.0 else set())
        assert set(offered(found)) == names
        chances = [it.selection_probability for it in found.placements[0].propositions]
        assert all(0 < chance <= 1 for chance in chances)
        alone = decided(generation, only=("free", "sunk", "note"), decision_id=f"{number:032x}")
        (note,) = alone.placements[0].propositions
        assert (note.action.id, note.selection_probability) == ("note", 1.0)


def test_where_nothing_is_worth_saying_the_place_stays_empty(tmp_path: Path) -> None:
    generation = limited(tmp_path, ", explore: {method: thompson}", FREE + SUNK)
    assert offered(decided(generation, only=("free", "sunk"))) == []


def test_a_caller_who_wants_nothing_gets_nothing(tmp_path: Path) -> None:
    decision = decided(limited(tmp_path), excluded=-1)
    assert offered(decision) == []
    assert {it.rule_id for it in reasons(decision).values()} >= {"excluded"}


def test_equals_keep_the_order_of_the_catalog_everywhere_and_always(tmp_path: Path) -> None:
    names = [f"equal-{number}" for number in (7, 3, 9, 1, 5)]
    more = "".join(FREE.replace("free", name).replace("value: 0", "value: 7") for name in names)
    generation = limited(tmp_path, actions=more)
    for limit in (1, 3, 5):
        for number in range(5):
            found = decided(
                generation, only=tuple(reversed(names)), limit=limit, decision_id=f"{number:032x}"
            )
            assert offered(found) == names[:limit]
            assert len({it.priority for it in found.placements[0].propositions}) == 1
