"""Customers of the corner shop and moments that matter in its catalog."""

from nextbest_rules import RuleSet, Situation

MARCH_15 = 1_710_496_800_000  # 2024-03-15T10:00:00Z
MARCH_1 = 1_709_251_200_000
APRIL_1 = 1_711_929_600_000
HOUR = 3_600_000

ADULT = Situation(
    now_ms=MARCH_15,
    known=True,
    channel="web",
    facts={"campaigns": ["spring", "autumn"], "age": 40, "debt": 5.0},
    features={"trips_91d": 9.0},
    context={"page": "recipes"},
)


def mask_of(rules: RuleSet, *action_ids: str) -> int:
    """Return the bitmask of some actions."""
    return sum(1 << rules.catalog.index[action_id] for action_id in set(action_ids))


def live_ids(rules: RuleSet, situation: Situation) -> set[str]:
    """Return the ids of the actions that survive a screening."""
    mask = rules.screen(rules.look(situation)).live
    return {action.id for bit, action in enumerate(rules.catalog.actions) if mask >> bit & 1}
