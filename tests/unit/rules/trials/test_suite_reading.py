"""Suites become questions: times, customers and requests resolved, every fault with its place."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nextbest_rules import Catalog, CatalogError
from nextbest_rules.records import Contact
from nextbest_rules.trials import Question, Suite, Trial, read_suites, selected

NOW_MS = 1_710_496_800_000  # 2024-03-15T10:00:00Z
DAY_MS = 86_400_000
CUSTOMERS = """
customers:
  anna: {facts: {age: 40, city: Hue}, tickets: [{id: T1, opened_at: -1d}]}
"""
LEFT_THE_CATALOG = "give type, issue and group of an action that has left the catalog"
Read = Callable[..., Trial]
Faults = Callable[..., list[str]]


def question(trial_of: Read, own: str, before: str = "") -> Question:
    return trial_of(f"{own}\nexpect: {{nothing: true}}", before).question


# --- what is asked


def test_a_test_asks_for_somebody_unknown_unless_it_names_a_customer(trial_of: Read) -> None:
    asked = question(trial_of, "")
    assert asked.customer is None
    assert asked.now_ms == NOW_MS
    assert [(item.placement.id, item.limit) for item in asked.placements] == [("home", None)]


def test_a_test_may_have_a_clock_of_its_own_relative_to_the_suite(trial_of: Read) -> None:
    assert question(trial_of, "now: +1d12h").now_ms == NOW_MS + DAY_MS * 3 // 2
    assert question(trial_of, "now: 2024-01-01T00:00:00+07:00").now_ms == 1_704_042_000_000


def test_a_named_customer_lives_by_the_clock_of_the_test(trial_of: Read) -> None:
    state = question(trial_of, "now: +1d\ncustomer: anna", CUSTOMERS).customer
    assert state is not None
    assert state.facts == {"age": 40, "city": "Hue"}
    assert [ticket.opened_at_ms for ticket in state.tickets] == [NOW_MS]


def test_a_customer_like_another_has_whole_parts_replaced(trial_of: Read) -> None:
    state = question(trial_of, "customer: {like: anna, facts: {age: 17}}", CUSTOMERS).customer
    assert state is not None
    assert state.facts == {"age": 17}
    assert [ticket.id for ticket in state.tickets] == ["T1"]


def test_an_inline_customer_needs_no_name(trial_of: Read) -> None:
    own = "customer: {facts: {member_since: -2d}, unreadable: [contacts]}"
    state = question(trial_of, own).customer
    assert state is not None
    assert state.facts == {"member_since": datetime(2024, 3, 13, 10, tzinfo=UTC)}
    assert state.unreadable == {"contacts"}


def test_the_request_of_a_test_lies_over_that_of_the_suite(suite_of: Callable[[str], Suite]) -> None:
    suite = suite_of(
        "request: {placement: home, limit: 2, context: {page: recipes}}\n"
        "tests:\n"
        "  - {name: a, expect: {nothing: true}}\n"
        "  - name: b\n"
        "    request: {placement: card, limit: 1, context: {visits: 3}}\n"
        "    expect: {nothing: true}\n"
        "  - {name: c, request: {placements: {home: 5, letter: 1}}, expect: {nothing: true}}\n"
    )
    first, second, third = (trial.question for trial in suite.trials)
    assert first.context == {"page": "recipes"}
    assert [(item.placement.id, item.limit) for item in first.placements] == [("home", 2)]
    assert second.context == {"visits": 3}
    assert [(item.placement.id, item.limit) for item in second.placements] == [("card", 1)]
    assert [(item.placement.id, item.limit) for item in third.placements] == [("home", 5), ("letter", 1)]


def test_a_list_of_placements_takes_their_own_limits(trial_of: Read) -> None:
    asked = question(trial_of, "request: {placements: [home, card]}")
    assert [(item.placement.id, item.limit) for item in asked.placements] == [("home", None), ("card", None)]


def test_contacts_take_type_issue_and_group_from_the_catalog_and_the_newest_is_first(trial_of: Read) -> None:
    own = (
        "customer: {contacts: [{action: credit, outcome: DISPLAYED, at: -2d, channel: web},"
        " {action: gone, outcome: CLICKED, at: -1d, type: OFFER, issue: sell, group: fruit}]}"
    )
    state = question(trial_of, own).customer
    assert state is not None
    assert state.contacts == (
        Contact("gone", "CLICKED", NOW_MS - DAY_MS, type="OFFER", issue="sell", group="fruit"),
        Contact(
            "credit",
            "DISPLAYED",
            NOW_MS - 2 * DAY_MS,
            channel="web",
            type="OFFER",
            issue="acquisition",
            group="credit",
        ),
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [("", None), ("facts_as_of: -1d", NOW_MS - DAY_MS), ("facts_as_of: {age: now}", {"age": NOW_MS})],
)
def test_facts_may_say_when_they_were_known(trial_of: Read, written: str, read: object) -> None:
    state = question(trial_of, f"customer: {{facts: {{age: 3}}, {written}}}").customer
    assert state is not None
    assert state.facts_as_of == read


def test_a_test_tells_the_stories_of_its_suite_or_its_own(suite_of: Callable[[str], Suite]) -> None:
    suite = suite_of(
        "stories: [S1]\nrequest: {placement: home}\n"
        "tests:\n"
        "  - {name: a, expect: {nothing: true}}\n"
        "  - {name: b, stories: [S2], expect: {nothing: true}}\n"
    )
    assert [trial.stories for trial in suite.trials] == [("S1",), ("S2",)]
    assert [trial.name for trial in selected((suite,), story="S2")[0].trials] == ["b"]
    assert selected((suite,), "other*") == ()
    assert selected((suite,), "sho?") == (suite,)


# --- what is wrong with it


def test_every_unknown_name_is_told_with_its_place(faults_of: Faults) -> None:
    text = """
customers:
  anna: {facts: {agee: 40, debt: plenty}, contacts: [{action: kredit, outcome: CLICKED, at: -1d}]}
request: {placement: hom, context: {pages: 3}}
tests:
  - name: a
    customer: ana
    killed: [spring-aples]
    request: {candidates: [credits], brand: nobody}
    expect:
      offered: [tips]
      excluded: {credit: {rule: old_enuf}}
      propositions: {credit: {treatment: web}}
"""
    assert faults_of(text) == [
        "5:18: unknown fact 'agee'; did you mean 'age'?",
        "5:34: fact 'debt' is of type double",
        "5:63: unknown action 'kredit'; did you mean 'credit'?; " + LEFT_THE_CATALOG,
        "6:22: unknown placement 'hom'; did you mean 'home'?",
        "6:37: unknown context value 'pages'; did you mean 'page'?",
        "9:15: unknown customer 'ana'; did you mean 'anna'?",
        "10:14: unknown action 'spring-aples'; did you mean 'spring-apples'?",
        "11:28: unknown action 'credits'; did you mean 'credit'?",
        "11:45: unknown brand 'nobody'",
        "13:17: unknown action 'tips'",
        "14:33: unknown rule 'old_enuf'; did you mean 'old_enough'?",
        "15:42: unknown treatment 'web'",
    ]


@pytest.mark.parametrize(
    ("own", "fault"),
    [
        ("expect: {}", "6:13: a test expects something"),
        ("expect: {nothing: false}", "6:23: say true, or leave it out"),
        ("expect: {excluded: {credit: gard}}", "6:33: expected 'validity', 'consent', 'guard'"),
        ("now: yesterday\nexpect: {nothing: true}", "6:10: "),
        ("now: 3\nexpect: {nothing: true}", "6:10: expected a time such as"),
        ("stories: [one]\nexpect: {nothing: true}", "6:15: "),
        ("request: {limit: 0}\nexpect: {nothing: true}", "6:22: must be at least 1"),
        ("request: {placement: card, placements: [home]}\nexpect: {nothing: true}", "6:14: give either"),
        ("request: {limit: 11}\nexpect: {nothing: true}", "6:14: placement 'home' gives at most 10, not 11"),
        (
            "request: {channel: app}\nexpect: {nothing: true}",
            "6:14: placement 'home' is not on channel",
        ),
        ("request: {direction: OUTBOUND}\nexpect: {nothing: true}", "6:14: placement 'home' is INBOUND, not"),
        ("request: {placements: [home, card]}\nexpect: {offered: [credit]}", "7:23: several placements are"),
        ("expect: {offered: {card: [credit]}}", "6:24: placement 'card' is not asked"),
        ("customer: {tickets: [{kind: x}]}\nexpect: {nothing: true}", "6:26: field 'id' is missing"),
    ],
)
def test_each_slip_is_told_with_its_place(faults_of: Faults, own: str, fault: str) -> None:
    lines = "".join(f"    {line}\n" for line in own.splitlines())
    faults = faults_of(f"request: {{placement: home}}\ntests:\n  - name: a\n{lines}")
    assert [known for known in faults if known.startswith(fault)], faults


def test_two_tests_of_a_suite_have_two_names(faults_of: Faults) -> None:
    test = "  - {name: a, expect: {nothing: true}}\n"
    assert faults_of(f"request: {{placement: home}}\ntests:\n{test}{test}") == [
        "6:12: duplicate test 'a' in this suite"
    ]


def test_a_test_asks_at_least_one_placement(faults_of: Faults) -> None:
    faults = faults_of("tests:\n  - {name: a, expect: {nothing: true}}\n")
    assert faults == ["4:5: the test asks no placement: give request.placement"]


def test_the_clock_of_a_suite_stands_still(faults_of: Faults) -> None:
    test = "request: {placement: home}\ntests: [{name: a, expect: {nothing: true}}]\n"
    [fault] = faults_of(test, "suite: S\nnow: -1d\n")
    assert fault == "2:6: the suite's clock is an instant, such as 2026-03-02T10:00:00Z"


def test_a_suite_that_nothing_would_read_is_a_fault(shop: Catalog, tmp_path: Path) -> None:
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests" / "deep" / "a.yaml").write_text("suite: A\n")
    (tmp_path / "tests" / "b.yml").write_text("suite: B\n")
    with pytest.raises(CatalogError) as caught:
        read_suites(tmp_path, shop)
    assert [str(fault) for fault in caught.value.diagnostics] == [
        "tests/b.yml:1:1: not a suite: suites are tests/*.yaml",
        "tests/deep/a.yaml:1:1: not a suite: suites are tests/*.yaml",
    ]


def test_a_catalog_without_suites_has_none(shop: Catalog, tmp_path: Path) -> None:
    assert read_suites(tmp_path, shop) == ()
