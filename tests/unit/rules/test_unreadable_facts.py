"""Facts that exist but cannot be read are unknown: not even a declared default may stand in for them."""

from pathlib import Path

from shop_situations import ADULT, live_ids

from nextbest_rules import RuleSet, Situation, Stage, load_catalog

GROCERY = Path(__file__).parents[3] / "rules" / "catalogs" / "grocery"


def test_unreadable_facts_deny_what_a_default_would_decide() -> None:
    rules = RuleSet.compile(load_catalog(GROCERY))
    assert rules.catalog.clock_ms is not None
    unreadable = Situation(now_ms=rules.catalog.clock_ms, known=True, channel="web", facts=None)
    assert live_ids(rules, unreadable) == {"all-coupons"}
    reasons = {exclusion.action_id: exclusion for exclusion in rules.explain(rules.look(unreadable))}
    stopped = reasons["c18-10000085475"]
    assert (stopped.stage, stopped.rule_id) == (Stage.ELIGIBILITY, "campaign_was_sent")
    assert "facts.campaigns is unknown" in stopped.actual


def test_unreadable_facts_are_not_taken_for_absent_ones(rules: RuleSet) -> None:
    """`!has(facts.debt)` is true of somebody without debts, not of somebody whose debts cannot be read."""
    unreadable = ADULT._replace(facts=None)
    assert "credit" in live_ids(rules, ADULT._replace(facts={}))
    assert "credit" not in live_ids(rules, unreadable)
    reasons = {exclusion.action_id: exclusion for exclusion in rules.explain(rules.look(unreadable))}
    assert reasons["credit"].rule_id == "no_credit_in_debt"
    assert reasons["credit"].actual == "facts.debt is unknown"
