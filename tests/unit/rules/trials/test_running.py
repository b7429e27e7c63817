"""A run asks every test, adds up what was seen of the rules, and reports for people and for build servers."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from xml.etree.ElementTree import fromstring

import pytest

from nextbest_rules import Catalog, Exclusion, Stage
from nextbest_rules.catalog import Emphasis, Lever
from nextbest_rules.policies import Cap, ContextWeight, Guard, GuardScope, Promotion, Selector
from nextbest_rules.terms import Direction, UnknownMode
from nextbest_rules.trials import (
    EVERYWHERE,
    Answer,
    Offer,
    Question,
    Report,
    RuleCoverage,
    Suite,
    junit_xml,
    run,
)

TWO_TESTS = """
stories: [S10]
request: {placement: home}
tests:
  - {name: credit is offered, stories: [S2], expect: {first: credit}}
  - {name: nothing is offered, expect: {nothing: true}}
"""


def offer(action: str, **changes: object) -> Offer:
    return replace(Offer(action, 1, "web", "", {}, {}, 1.0, 1.0, 1.0), **changes)  # type: ignore[arg-type]


def stopped(action: str, rule: str, stage: Stage = Stage.ELIGIBILITY) -> Exclusion:
    return Exclusion(action, stage, rule, "No.")


Seen = Callable[..., dict[str, RuleCoverage]]


@pytest.fixture
def seen(suite_of: Callable[[str], Suite], shop: Catalog) -> Seen:
    """Return a function that gives the coverage by rule, after one test per answer."""

    def coverage(
        *answers: Answer, catalog: Catalog = shop, requests: Iterable[str] = ()
    ) -> dict[str, RuleCoverage]:
        asked = [*requests, *["{placement: home}"] * len(answers)][: len(answers)]
        tests = "".join(
            f"  - {{name: t{number}, request: {request}, expect: {{lacks: [credit]}}}}\n"
            for number, request in enumerate(asked)
        )
        waiting = list(answers)
        report = run([suite_of(f"tests:\n{tests}")], catalog, lambda _: waiting.pop(0))
        return {rule.rule: rule for rule in report.coverage.rules}

    return coverage


def always(answer: Answer) -> Callable[[Question], Answer]:
    return lambda _: answer


@pytest.fixture
def report(suite_of: Callable[[str], Suite], shop: Catalog) -> Report:
    """A report of a test that passes and one that fails."""
    return run([suite_of(TWO_TESTS)], shop, always(Answer({"home": (offer("credit"),)}, {})))


def test_every_test_is_asked_and_told_as_it_comes(suite_of: Callable[[str], Suite], shop: Catalog) -> None:
    told = []
    report = run([suite_of(TWO_TESTS)], shop, always(Answer({"home": ()}, {})), told.append)
    assert [(result.trial.name, result.passed) for result in told] == [
        ("credit is offered", False),
        ("nothing is offered", True),
    ]
    assert report.results == tuple(told)


def test_a_story_counts_once_all_its_tests_pass(report: Report) -> None:
    assert [result.trial.name for result in report.failed] == ["nothing is offered"]
    assert report.stories == ("S2",)


def test_stories_are_in_the_order_of_their_numbers(suite_of: Callable[[str], Suite], shop: Catalog) -> None:
    suite = suite_of(TWO_TESTS.replace("expect: {first: credit}", "expect: {nothing: true}"))
    assert run([suite], shop, always(Answer({"home": ()}, {}))).stories == ("S2", "S10")


def test_build_servers_read_the_results(report: Report) -> None:
    root = fromstring(junit_xml(report))
    assert root.attrib | {"time": ""} == {"tests": "2", "failures": "1", "time": ""}
    good, bad = root.findall("testsuite/testcase")
    assert good.attrib | {"time": ""} == {
        "classname": "The shop",
        "name": "credit is offered",
        "file": "tests/shop.yaml",
        "line": "7",
        "time": "",
    }
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None
    assert failure.get("message") == "1 expectation not met"
    assert failure.text == "tests/shop.yaml:8:50: expect.nothing\nexpected: nothing\ncame: credit"


# --- coverage


def test_a_rule_is_covered_once_it_stopped_something_and_let_something_pass(seen: Seen) -> None:
    rule = seen(Answer({"home": ()}, {EVERYWHERE: (stopped("strong-wine", "old_enough"),)}))["old_enough"]
    assert (rule.in_force, rule.let_pass, rule.covered) == (True, False, False)
    both = seen(
        Answer({"home": ()}, {EVERYWHERE: (stopped("strong-wine", "old_enough"),)}),
        Answer({"home": (offer("strong-wine"),)}, {}),
    )
    assert both["old_enough"].covered
    assert not both["campaign_was_sent"].in_force


def test_a_later_stop_shows_that_a_rule_let_pass(seen: Seen) -> None:
    first = Answer({"home": ()}, {EVERYWHERE: (stopped("strong-wine", "old_enough"),)})
    same_stage = stopped("spring-wine", "campaign_was_sent")
    assert not seen(first, Answer({"home": ()}, {EVERYWHERE: (same_stage,)}))["old_enough"].let_pass
    later = stopped("spring-wine", "too_often", Stage.CONTACT_POLICY)
    assert seen(first, Answer({"home": ()}, {EVERYWHERE: (later,)}))["old_enough"].let_pass


def test_what_a_rule_is_not_about_says_nothing_of_it(seen: Seen) -> None:
    first = Answer({"home": ()}, {EVERYWHERE: (stopped("strong-wine", "old_enough"),)})
    assert not seen(first, Answer({"home": (offer("credit"),)}, {}))["old_enough"].let_pass


def test_a_rule_of_another_channel_has_no_say(seen: Seen, shop: Catalog) -> None:
    cap = Cap(
        id="too_often",
        applies_to=Selector(),
        counts=Selector(),
        per=frozenset(),
        outcomes=frozenset(),
        channels=frozenset({"email"}),
        directions=frozenset(Direction),
        window_ms=1,
        max=1,
        reason="No.",
        when_unknown=UnknownMode.DENY,
    )
    catalog = replace(shop, policies=replace(shop.policies, caps=(cap,)))
    by_mail = Answer({"letter": ()}, {EVERYWHERE: (stopped("credit", "too_often", Stage.CONTACT_POLICY),)})
    on_web = Answer({"home": (offer("credit"),)}, {})
    found = seen(by_mail, on_web, catalog=catalog, requests=["{placement: letter}"])
    assert not found["too_often"].let_pass
    again = seen(
        by_mail,
        Answer({"letter": (offer("credit", channel="email"),)}, {}),
        catalog=catalog,
        requests=["{placement: letter}", "{placement: letter}"],
    )
    assert again["too_often"].covered
    never = replace(catalog, policies=replace(shop.policies, caps=(replace(cap, max=0),)))
    assert seen(by_mail, catalog=never, requests=["{placement: letter}"])["too_often"].covered


def test_a_promotion_is_seen_in_the_lever_of_an_offer(seen: Seen, shop: Catalog) -> None:
    wine, bread = Selector(groups=frozenset({"wine"})), Selector(groups=frozenset({"bread"}))
    guard = Guard(
        id="party",
        over="",
        when="true",
        hold=None,
        scope=GuardScope.OVERALL,
        ended=None,
        decay_ms=0,
        promote=(Promotion(wine, 5.0), Promotion(wine, 2.0), Promotion(bread, pin=True)),
        reason="Cheers.",
        when_unknown=UnknownMode.DENY,
    )
    goal = Emphasis("drink", "Drink", (Lever(wine, 3.0),))
    catalog = replace(
        shop,
        policies=replace(shop.policies, guards=(guard,)),
        goals={"drink": goal},
        default_goal="drink",
    )
    promoted = seen(Answer({"home": (offer("strong-wine", lever=15.0),)}, {}), catalog=catalog)
    assert (promoted["party.promote.1"].in_force, promoted["party.promote.1"].let_pass) == (True, False)
    assert (promoted["party.promote.2"].in_force, promoted["party.promote.2"].let_pass) == (False, True)
    both = seen(Answer({"home": (offer("strong-wine", lever=30.0),)}, {}), catalog=catalog)
    assert both["party.promote.1"].in_force
    assert both["party.promote.2"].in_force
    pinned = seen(
        Answer({"home": (offer("app-bread", lever=1.5, pinned=True),)}, {}),
        Answer({"home": (offer("app-bread", lever=1.5),)}, {}),
        catalog=catalog,
    )
    assert pinned["party.promote.3"].covered


def test_a_goal_is_covered_with_and_without_it(seen: Seen, shop: Catalog) -> None:
    wine = Selector(groups=frozenset({"wine"}))
    goals = {name: Emphasis(name, name, (Lever(wine, 3.0),)) for name in ("drink", "sell")}
    catalog = replace(shop, goals=goals, default_goal="drink")
    found = seen(Answer({"home": (offer("strong-wine", lever=3.0),)}, {}), catalog=catalog)
    assert (found["goal drink.lever.1"].in_force, found["goal drink.lever.1"].let_pass) == (True, False)
    assert (found["goal sell.lever.1"].in_force, found["goal sell.lever.1"].let_pass) == (False, True)


def test_a_context_weight_is_covered_with_and_without_a_say(seen: Seen, shop: Catalog) -> None:
    wine = Selector(groups=frozenset({"wine"}))
    rule = ContextWeight("evening", wine, 'context.page == "evening"', 2.0, "Wine is for the evening.")
    catalog = replace(shop, policies=replace(shop.policies, context_weights=(rule,)))
    weighed = Answer({"home": (offer("strong-wine", weighed_by=frozenset({"evening"})),)}, {})
    usual = Answer({"home": (offer("strong-wine"), offer("app-bread"))}, {})
    bread_only = Answer({"home": (offer("app-bread"),)}, {})
    found = [seen(*answers, catalog=catalog)["evening"] for answers in ((weighed,), (usual,), (bread_only,))]
    assert [(it.in_force, it.let_pass) for it in found] == [(True, False), (False, True), (False, False)]
    assert seen(weighed, usual, catalog=catalog)["evening"].covered


def test_a_volume_cap_is_covered_for_its_action(seen: Seen, shop: Catalog) -> None:
    capped = tuple(
        replace(action, volume_cap=5) if action.id in ("credit", "app-bread") else action
        for action in shop.actions
    )
    full = stopped("credit", "volume_cap", Stage.CONTACT_POLICY)
    found = seen(
        Answer({"home": ()}, {EVERYWHERE: (full,)}),
        Answer({"home": (offer("credit"),)}, {}),
        catalog=replace(shop, actions=capped),
    )
    assert found["volume_cap of credit"].covered
    assert not found["volume_cap of app-bread"].in_force


def test_the_share_of_covered_rules_is_in_percent(report: Report) -> None:
    assert len(report.coverage.rules) == 5
    assert report.coverage.percent == 0.0
    assert report.coverage.uncovered == report.coverage.rules
