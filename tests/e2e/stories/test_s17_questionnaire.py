"""S17: a questionnaire whose next question depends on the answers."""

from bank_days import Day, Someone, somebody
from service_calls import PlainValue

QUESTIONS = [
    "ask-holiday-plans",
    "ask-favourite-country",
    "ask-home-plans",
    "ask-home-budget",
    "ask-children",
    "ask-coffee-taste",
]


def asked(today: Day, who: Someone) -> str:
    """Return the question that comes now."""
    return "".join(today.would_offer(who, "web_hero", 6, candidate_action_ids=QUESTIONS))


def answers(today: Day, who: Someone, subject: str, answer: PlainValue, ago: str = "") -> None:
    today.happens(who, "question.answered", ago, subject=subject, answer=answer)


def test_each_answer_leads_to_the_next_question_and_none_is_asked_twice(today: Day) -> None:
    somebody_new = somebody("cookie")
    conversation: list[tuple[str, str, PlainValue]] = [
        ("ask-holiday-plans", "holiday_plans", "abroad"),
        ("ask-favourite-country", "favourite_country", "Japan"),
        ("ask-home-plans", "home_plans", "buy"),
        ("ask-home-budget", "home_budget", 2_000_000_000.0),
        ("ask-children", "children", 0),
        ("ask-coffee-taste", "coffee_taste", "mild"),
    ]
    for question, subject, answer in conversation:
        assert asked(today, somebody_new) == question
        answers(today, somebody_new, subject, answer)
    assert asked(today, somebody_new) == ""


def test_another_answer_leads_elsewhere(today: Day) -> None:
    stays = somebody("cookie")
    answers(today, stays, "holiday_plans", "home")
    assert asked(today, stays) == "ask-home-plans"
    answers(today, stays, "home_plans", "stay")
    assert asked(today, stays) == "ask-children"


def test_an_older_answer_that_comes_late_does_not_replace_a_newer_one(today: Day) -> None:
    changed_mind = somebody("cookie")
    answers(today, changed_mind, "holiday_plans", "home")
    answers(today, changed_mind, "holiday_plans", "abroad", ago="3d")
    assert asked(today, changed_mind) == "ask-home-plans"
