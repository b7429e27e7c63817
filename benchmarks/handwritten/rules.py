"""The rules of the standard work, as functions over dicts."""

from collections import Counter
from typing import Any, TypeAlias

Plain: TypeAlias = dict[str, Any]

DAY_MS = 86_400_000
BABY_GROUPS = {"BABY FOODS", "BABY HBC", "INFANT FORMULA", "DIAPERS & DISPOSABLES"}
GROWN_UP = {"55-64", "65+"}
DECLINED_DAYS = {"ACCEPTED": 60, "CONVERTED": 60, "DISMISSED": 30, "REJECTED": 30}
DISCREET_GROUPS = {"ADULT INCONTINENCE", "LAXATIVES"}
BREAKFAST_GROUPS = {"FLUID MILK PRODUCTS", "BREAD", "YOGURT", "COLD CEREAL", "EGGS", "FRZN BREAKFAST FOODS"}


def candidates(actions: list[Plain], customer: Plain, channel: str, now_ms: int) -> list[Plain]:
    """Return the actions that may be offered."""
    if any(it["kind"] == "complaint" for it in customer["tickets"]):
        return []
    declined, mailed, groups = set(), Counter[str](), Counter[str]()
    for contact in customer["contacts"]:
        days, action, outcome = (now_ms - contact["at_ms"]) / DAY_MS, contact["action"], contact["outcome"]
        if days < DECLINED_DAYS.get(outcome, 0):
            declined.add(action)
        if outcome == "DELIVERED":
            mailed[action] += days < 30
            groups[contact["group"]] += days < 7
    return [
        action
        for action in actions
        if is_valid(action, now_ms)
        and may_have(action, customer, channel)
        and action["id"] not in declined
        and mailed[action["id"]] < 2
        and groups[action["group"]] < 3
    ]


def is_valid(action: Plain, now_ms: int) -> bool:
    """Tell whether an action's time has come and is not over."""
    return any(from_ms <= now_ms < until_ms for from_ms, until_ms in action["valid"])


def may_have(action: Plain, customer: Plain, channel: str) -> bool:
    """Tell whether an action is for this customer at all."""
    own, facts, features = action["attributes"], customer["facts"], customer["features"]
    if own["campaign"] not in facts["campaigns"] or own["aisle"] not in facts["aisles"]:
        return False
    if (
        action["group"] in BABY_GROUPS
        and facts.get("kids_count") == "0"
        and facts.get("age") in {"55-64", "65+"}
    ):
        return False
    if action["group"] in DISCREET_GROUPS and channel == "email":
        return False
    if own["products"] >= 5000 and features["trips_91d"] < 3.0:
        return False
    return own["duration_days"] < 60 or not features["days_a_customer"] <= 14.0


def fit(action: Plain, context: Plain) -> float:
    """Return how well an action fits the moment."""
    return 1.3 if context.get("daypart") == "morning" and action["group"] in BREAKFAST_GROUPS else 1.0
