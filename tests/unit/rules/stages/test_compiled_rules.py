"""What a compiled rule set says of itself: its version, and what it needs to be shown."""

import pytest
from worlds import FILES, World

from nextbest_rules import RuleSet

GUARD = "guards: [{{id: g, over: {over}, when: 'true', hold: {{}}, reason: R.}}]"
ELIGIBLE = "eligibility: [{{id: e, require: '{require}', reason: R.}}]"


@pytest.fixture(scope="module")
def plain(world: World) -> RuleSet:
    return world()


@pytest.mark.parametrize(
    ("policies", "reads"),
    [
        ("{}", set()),
        (ELIGIBLE.format(require='facts.age > 3 && channel == "web"'), set()),
        (GUARD.format(over="tickets"), {"tickets"}),
        (GUARD.format(over="purchases"), {"purchases"}),
        (GUARD.format(over="events"), {"events"}),
        ("guards: [{id: g, when: 'events.size() > 3', hold: {}, reason: R.}]", {"events"}),
        (ELIGIBLE.format(require="tickets.size() > 3"), {"tickets"}),
        (ELIGIBLE.format(require='count("loan", "", "") > 3'), {"contacts"}),
        (ELIGIBLE.format(require='last("loan", "", "") < now'), {"contacts"}),
        ("suppression: {owned: [{id: o, by: product, reason: R.}]}", {"purchases"}),
        ("suppression: {declined: [{id: d, by: action, for: 1d, reason: R.}]}", {"contacts"}),
        ("contact_policy: {caps: [{id: c, cool_down: 1d, reason: R.}]}", {"contacts"}),
        ("consent: [{id: c, purpose: marketing, reason: R.}]", {"consents"}),
    ],
)
def test_only_what_some_rule_looks_at_needs_to_be_loaded(
    world: World, policies: str, reads: set[str]
) -> None:
    assert world(policies=policies).reads == reads


def test_formulas_are_looked_at_too(world: World) -> None:
    computed = FILES["actions/all"].replace("value: 200", 'value: "size(purchases)"')
    assert world(actions=computed).reads == {"purchases"}


ANOTHER = "- {id: a, type: OFFER, issue: i, group: g, title: T, value: 1}\n"
CHANGES = {
    "a window": {"actions": ("value: 200\n", "value: 200\n  valid: {from: 2026-01-01}\n")},
    "a tag": {"actions": ("[contract, credit]", "[contract]")},
    "what is sold": {"actions": ("[gold-card]", "[silver-card]")},
    "what it is about": {"actions": ("categories: [machines]}\n  sells", "categories: [others]}\n  sells")},
    "an attribute": {"actions": ("min_age: 21", "min_age: 22")},
    "channels": {"actions": ("value: 200\n", "value: 200\n  channels: [web]\n")},
    "a volume": {"actions": ("value: 200\n", "value: 200\n  volume_cap: 9\n")},
    "a treatment": {"actions": ("value: 200\n", "value: 200\n  treatments: [{id: t}]\n")},
    "an own condition": {"actions": ("value: 200\n", "value: 200\n  eligibility: [facts.age > 3]\n")},
    "the order": {"actions": ("- id: card\n", f"{ANOTHER}- id: card\n")},
    "a fact": {"facts": ("{name: vip, type: bool}", "{name: vip, type: bool, default: false}")},
    "an age limit": {"facts": ("{name: vip, type: bool}", "{name: vip, type: bool, max_age: 9d}")},
    "a placement": {"placements": ("title: Home page", "title: Home page, accepts: [OFFER]")},
    "a rule": {"policies": ("{}", "consent: [{id: c, purpose: marketing, reason: R.}]")},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_version_changes_with_all_that_may_change_an_answer(
    world: World, plain: RuleSet, change: dict[str, tuple[str, str]]
) -> None:
    name, (old, new) = next(iter(change.items()))
    text = FILES["actions/all" if name == "actions" else name]
    assert text.count(old) == 1
    assert world(**{name: text.replace(old, new)}).version != plain.version


@pytest.mark.parametrize(
    "change",
    [
        {"actions": ("title: Loan", "title: A loan")},
        {"actions": ("value: 200", "value: 201")},
        {"actions": ("value: 200\n", "value: 200\n  lever: 3.0\n  starting_propensity: 0.5\n")},
        {"catalog": ("title: A small bank", "title: A bank")},
    ],
)
def test_the_version_does_not_change_with_titles_or_ranking(
    world: World, plain: RuleSet, change: dict[str, tuple[str, str]]
) -> None:
    name, (old, new) = next(iter(change.items()))
    text = FILES["actions/all" if name == "actions" else name]
    assert text.count(old) == 1
    assert world(**{name: text.replace(old, new)}).version == plain.version


def test_the_version_is_that_of_the_text_and_not_of_the_process(world: World, plain: RuleSet) -> None:
    assert world().version == plain.version
    assert len(plain.version) == 12
