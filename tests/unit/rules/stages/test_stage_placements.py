import pytest
from worlds import FILES, World, customer, why

from nextbest_rules import RuleSet, Stage, Surface, UnknownPlacementError

CATALOG = """
name: world
title: Two languages
channels: [web, app, email]
locales: [en, vi, pt, pt-BR]
"""
PLACEMENTS = """
placements:
  - {id: home, title: Home, channel: web, direction: INBOUND, default_limit: 1}
  - {id: card, title: Card, channel: app, direction: INBOUND, accepts: [SERVICE, INFORMATION],
     default_limit: 1}
  - {id: anywhere, title: Anywhere, channels: {web: "1.0", email: "2.0"}, direction: OUTBOUND,
     accepts: [OFFER], default_limit: 1}
"""
ACTION = "- {{id: {id}, type: {type}, issue: i, group: g, title: T, value: 1{more}}}\n"
ACTIONS = (
    ACTION.format(id="plain", type="OFFER", more="")
    + ACTION.format(id="service", type="SERVICE", more="")
    + ACTION.format(id="web-only", type="OFFER", more=", channels: [web]")
    + """
- id: shown
  type: OFFER
  issue: i
  group: g
  title: T
  value: 1
  treatments:
    - {id: web-en, channels: [web], locales: [en]}
    - {id: web-vi, channels: [web], locales: [vi]}
    - {id: mail, channels: [email]}
- id: local
  type: OFFER
  issue: i
  group: g
  title: T
  value: 1
  treatments:
    - {id: brazil, locales: [pt-BR]}
- id: open
  type: OFFER
  issue: i
  group: g
  title: T
  value: 1
  channels: [web]
  treatments:
    - {id: english, locales: [en]}
    - {id: any}
"""
)


@pytest.fixture(scope="module")
def rules(world: World) -> RuleSet:
    return world(catalog=CATALOG, placements=PLACEMENTS, actions=ACTIONS)


def fitting(rules: RuleSet, placement: str, channel: str, locale: str) -> dict[str, str]:
    """Return the actions that a surface takes, with the treatment of each."""
    fit = rules.fit(Surface(placement, channel, locale))
    return {
        action.id: fit.treatments[bit].id if bit in fit.treatments else ""
        for bit, action in enumerate(rules.catalog.actions)
        if fit.mask >> bit & 1
    }


@pytest.mark.parametrize(
    ("surface", "taken"),
    [
        (
            ("home", "web", "en"),
            {"plain": "", "service": "", "web-only": "", "shown": "web-en", "open": "english"},
        ),
        (
            ("home", "web", "vi"),
            {"plain": "", "service": "", "web-only": "", "shown": "web-vi", "open": "any"},
        ),
        (
            ("home", "web", "pt-BR"),
            {"plain": "", "service": "", "web-only": "", "shown": "web-en", "local": "brazil", "open": "any"},
        ),
        (("card", "app", "en"), {"service": ""}),
        (("anywhere", "web", "vi"), {"plain": "", "web-only": "", "shown": "web-vi", "open": "any"}),
        (("anywhere", "email", "vi"), {"plain": "", "shown": "mail"}),
    ],
)
def test_a_surface_takes_by_type_channel_and_treatment(
    rules: RuleSet, surface: tuple[str, str, str], taken: dict[str, str]
) -> None:
    """Without a treatment in the wanted language one for any stands in, and else that of the default one."""
    assert fitting(rules, *surface) == taken


@pytest.mark.parametrize(
    ("action", "surface", "rule_id", "actual", "required"),
    [
        ("plain", ("card", "app", "en"), "type", "OFFER", "INFORMATION or SERVICE"),
        ("web-only", ("anywhere", "email", "en"), "channel", "web", "email"),
        ("local", ("home", "web", "en"), "treatment", "brazil", "a treatment for web in en"),
    ],
)
def test_what_does_not_fit_says_why(
    rules: RuleSet, action: str, surface: tuple[str, str, str], rule_id: str, actual: str, required: str
) -> None:
    found = why(rules, customer(), action, Surface(*surface))
    assert (found.stage, found.rule_id, found.eligible_at_ms) == (Stage.PLACEMENT, rule_id, None)
    assert (found.actual, found.required) == (actual, required)


@pytest.mark.parametrize(
    "surface", [("nowhere", "web", "en"), ("home", "app", "en"), ("home", "web", "de"), ("home", "web", "")]
)
def test_a_surface_that_the_catalog_lacks_is_an_error(rules: RuleSet, surface: tuple[str, str, str]) -> None:
    with pytest.raises(UnknownPlacementError):
        rules.fit(Surface(*surface))
    with pytest.raises(UnknownPlacementError):
        rules.explain(rules.look(customer()), Surface(*surface))


@pytest.mark.parametrize(
    ("wanted", "locale"),
    [
        ("en", "en"),
        ("vi", "vi"),
        ("VI", "vi"),
        ("vi-VN", "vi"),
        ("vi-Latn-VN", "vi"),
        ("pt-br", "pt-BR"),
        ("pt-BR-abl1943", "pt-BR"),
        ("pt", "pt"),
        ("pt-PT", "pt"),
        ("de", "en"),
        ("", "en"),
    ],
)
def test_a_language_tag_finds_the_nearest_locale(rules: RuleSet, wanted: str, locale: str) -> None:
    assert rules.locale(wanted) == locale


def test_a_catalog_without_locales_has_one_of_no_name(world: World) -> None:
    rules = world(actions=FILES["actions/all"])
    assert rules.locale("vi") == ""
    assert len(fitting(rules, "home", "web", "")) == 6
    unlike = ACTION.format(id="a", type="OFFER", more=", treatments: [{id: t, channels: [app]}]")
    found = why(world(actions=unlike), customer(), "a", Surface("home", "web", ""))
    assert (found.actual, found.required) == ("t", "a treatment for web")
