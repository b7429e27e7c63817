"""The worked example of docs/guides/rules.md, added to the bank."""

import json
import re
import shutil
from pathlib import Path

import pytest

from nextbest_rules import Catalog, RuleSet, Situation, load_catalog
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import plain
from nextbest_rules.records import Event

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/guides/rules.md").read_text()
BLOCKS = re.findall(r"```yaml (\w+\.yaml)\n(.*?)```", GUIDE, re.DOTALL)
DAY = 86_400_000


def sections(text: str) -> dict[str, list[object]]:
    root, faults = parse(text, "guide")
    assert root is not None
    assert not faults
    content = plain(root)
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Return the bank with what the guide adds to it: JSON is YAML, too."""
    directory = Path(shutil.copytree(ROOT / "rules/catalogs/bank", tmp_path_factory.mktemp("guide") / "bank"))
    for file, text in BLOCKS:
        content = sections((directory / file).read_text())
        for section, items in sections(text).items():
            content[section] = [*content.get(section, []), *items]
        (directory / file).write_text(json.dumps(content))
    return load_catalog(directory)


def stopped_by(catalog: Catalog, rule: str, *events: Event, lost: float = 0.0, **facts: object) -> set[str]:
    rules = RuleSet.compile(catalog)
    now_ms = catalog.clock_ms or 0
    situation = Situation(
        now_ms, known=True, channel="web", facts=facts, features={"cards_lost": lost}, events=events
    )
    return {item.action_id for item in rules.explain(rules.look(situation)) if item.rule_id == rule}


def test_the_guide_shows_all_the_files_that_one_new_thing_touches() -> None:
    files = {"events.yaml", "facts.yaml", "features.yaml", "policies.yaml", "segments.yaml"}
    assert {file for file, _ in BLOCKS} == files


def test_a_lost_card_holds_cards_until_a_week_after_it_was_replaced(bank: Catalog) -> None:
    now_ms = bank.clock_ms or 0
    lost = Event("card.lost", "gold-card", at_ms=now_ms - 20 * DAY)
    assert "debit-card" in stopped_by(bank, "card_lost", lost)
    assert "debit-card" in stopped_by(bank, "card_lost", lost._replace(ended_at_ms=now_ms - 7 * DAY + 1))
    assert not stopped_by(bank, "card_lost", lost._replace(ended_at_ms=now_ms - 7 * DAY))
    assert bank.events["card.replaced"].ends == "card.lost"


def test_the_third_loss_is_a_passage_that_rules_see(bank: Catalog) -> None:
    now_ms = bank.clock_ms or 0
    passage = Event("segment.passed", "unlucky>careless", at_ms=now_ms - 13 * DAY)
    assert not stopped_by(bank, "talk_about_cards", lost=2.0)
    assert stopped_by(bank, "talk_about_cards", lost=3.0) == {"branch-appointment"}
    assert not stopped_by(bank, "talk_about_cards", passage, lost=3.0)
    rules = RuleSet.compile(bank)
    for lost, segment in ((0.0, "careful"), (2.0, "unlucky"), (3.0, "careless")):
        members = rules.memberships(Situation(now_ms, features={"cards_lost": lost}))
        assert members & {"careful", "unlucky", "careless"} == {segment}
