"""An answer is held against every expectation, and each difference says what came and why."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from nextbest_rules import Exclusion, Stage
from nextbest_rules.trials import EVERYWHERE, Answer, Offer, Trial, judge

NOW_MS = 1_710_496_800_000  # 2024-03-15T10:00:00Z
MINUTE_MS = 60_000


def offer(action: str, rank: int = 1, **changes: object) -> Offer:
    return Offer(
        **{
            "action": action,
            "rank": rank,
            "channel": "web",
            "treatment": "",
            "content": {},
            "parameters": {},
            "value": 2.0,
            "lever": 1.0,
            "priority": 0.02,
            **changes,
        }
    )


TOO_YOUNG = Exclusion(
    "strong-wine",
    Stage.ELIGIBILITY,
    "old_enough",
    "Alcohol is for adults.",
    "facts.age = 17",
    "facts.age >= action.min_age",
    NOW_MS + 15 * MINUTE_MS,
)
CREDIT = offer(
    "credit",
    treatment="credit-web",
    content={"title": "Pay next month", "image": {"file": "a.png", "alt": "A"}},
    parameters={"limit": 20_000_000, "until": datetime(2024, 3, 16, 10, tzinfo=UTC), "rate": 0.1},
    send_at_ms=NOW_MS,
    expires_at_ms=NOW_MS + 15 * MINUTE_MS,
    lever=3.0,
    pinned=True,
)
ANSWER = Answer({"home": (CREDIT, offer("app-bread", 2))}, {EVERYWHERE: (TOO_YOUNG,)})

Told = list[tuple[str, str, str]]


@pytest.fixture
def told(trial_of: Callable[..., Trial]) -> Callable[..., Told]:
    """Return a function that judges an answer, and gives what was expected and what came."""

    def failures(expect: str, answer: Answer = ANSWER) -> Told:
        found = judge(trial_of(f"expect: {expect}"), answer)
        return [(failure.what, failure.expected, failure.came) for failure in found]

    return failures


@pytest.mark.parametrize(
    "expect",
    [
        "{offered: [credit, app-bread]}",
        "{offered: {home: [credit, app-bread]}}",
        "{first: credit}",
        "{includes: [app-bread], lacks: [strong-wine]}",
        "{excluded: {strong-wine: eligibility}}",
        "{excluded: {strong-wine: {rule: old_enough, reason: Alcohol is for adults., eligible_at: +15m}}}",
        "{excluded: {strong-wine: {actual: facts.age = 17, required: facts.age >= action.min_age}}}",
        "{propositions: {credit: {rank: 1, channel: web, send_at: now, expires_at: +15m}}}",
        "{propositions: {credit: {lever: 3, value: 2, priority: 0.02, pinned: true, fallback: false}}}",
        "{propositions: {credit: {content: {image: {alt: A}}}}}",
        "{propositions: {app-bread: {treatment: '', expires_at: never}}}",
    ],
)
def test_an_answer_as_expected_has_no_failure(told: Callable[..., Told], expect: str) -> None:
    assert told(expect) == []


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ("{offered: [credit]}", ("expect.offered", "credit", "credit, app-bread")),
        ("{offered: [app-bread, credit]}", ("expect.offered", "app-bread, credit", "credit, app-bread")),
        ("{offered: {home: []}}", ("expect.offered.home", "nothing", "credit, app-bread")),
        ("{first: app-bread}", ("expect.first", "app-bread", "credit, app-bread")),
        ("{includes: [credit, strong-wine]}", ("expect.includes", "strong-wine", "credit, app-bread")),
        (
            "{lacks: [credit]}",
            ("expect.lacks", "credit is not offered", "credit is offered in home at rank 1"),
        ),
        ("{nothing: true}", ("expect.nothing", "nothing", "credit, app-bread")),
        (
            "{excluded: {credit: guard}}",
            ("expect.excluded.credit", "excluded by guard", "credit is offered in home at rank 1"),
        ),
        (
            "{excluded: {flash-cakes: {rule: old_enough}}}",
            (
                "expect.excluded.flash-cakes",
                "excluded by old_enough",
                "neither offered nor excluded",
            ),
        ),
        (
            "{excluded: {strong-wine: guard}}",
            ("expect.excluded.strong-wine.stage", "guard", "eligibility"),
        ),
        (
            "{excluded: {strong-wine: {actual: ''}}}",
            ("expect.excluded.strong-wine.actual", "nothing", "facts.age = 17"),
        ),
        (
            "{excluded: {strong-wine: {eligible_at: never}}}",
            ("expect.excluded.strong-wine.eligible_at", "never", "2024-03-15T10:15:00Z"),
        ),
        (
            "{excluded: {strong-wine: {eligible_at: +16m}}}",
            ("expect.excluded.strong-wine.eligible_at", "2024-03-15T10:16:00Z", "2024-03-15T10:15:00Z"),
        ),
        (
            "{propositions: {strong-wine: {rank: 1}}}",
            ("expect.propositions.strong-wine", "strong-wine is offered", "credit, app-bread"),
        ),
        ("{propositions: {credit: {rank: 2}}}", ("expect.propositions.credit.rank", "2", "1")),
        ("{propositions: {credit: {channel: app}}}", ("expect.propositions.credit.channel", "app", "web")),
        ("{propositions: {credit: {lever: 2.9}}}", ("expect.propositions.credit.lever", "2.9", "3.0")),
        (
            "{propositions: {credit: {context_weight: 2}}}",
            ("expect.propositions.credit.context_weight", "2.0", "1.0"),
        ),
        ("{propositions: {credit: {pinned: false}}}", ("expect.propositions.credit.pinned", "false", "true")),
        (
            "{propositions: {credit: {expires_at: never}}}",
            ("expect.propositions.credit.expires_at", "never", "2024-03-15T10:15:00Z"),
        ),
        (
            "{propositions: {credit: {content: {image: {alt: B}}}}}",
            (
                "expect.propositions.credit.content.image",
                '{"alt": "B"}',
                '{"file": "a.png", "alt": "A"}',
            ),
        ),
        (
            "{propositions: {credit: {content: {headline: B}}}}",
            ("expect.propositions.credit.content.headline", "B", "absent"),
        ),
    ],
)
def test_each_difference_is_told(
    told: Callable[..., Told], expect: str, failure: tuple[str, str, str]
) -> None:
    assert told(expect) == [failure]


@pytest.mark.parametrize(
    ("parameters", "right"),
    [
        ({"limit": 20_000_000}, True),
        ({"limit": 20_000_000.0}, True),
        ({"limit": 20_000_001}, False),
        ({"limit": "20000000"}, False),
        ({"limit": True}, False),
        ({"until": "+1d"}, True),
        ({"until": "2024-03-16T10:00:00Z"}, True),
        ({"until": "+2d"}, False),
        ({"rate": 0.1}, True),
        ({"missing": 1}, False),
    ],
)
def test_parameters_are_compared_by_value(
    trial_of: Callable[..., Trial], parameters: dict[str, object], right: bool
) -> None:
    trial = trial_of("expect: {propositions: {credit: {rank: 1}}}")
    [(_, expected)] = (trial.expect.propositions or {}).items()
    wanted = expected.model_copy(update={"parameters": parameters})
    expect = trial.expect.model_copy(update={"propositions": {"credit": wanted}})
    changed = Trial(**{name: getattr(trial, name) for name in Trial.__slots__} | {"expect": expect})
    assert (judge(changed, ANSWER) == ()) is right


def test_what_was_left_out_says_which_rule_and_when_it_lifts(trial_of: Callable[..., Trial]) -> None:
    trial = trial_of("expect:\n  first: strong-wine")
    [failure] = judge(trial, ANSWER)
    [why] = failure.why
    assert why == (
        "strong-wine was left out by eligibility old_enough: Alcohol is for adults. (is: facts.age = 17; "
        "needs: facts.age >= action.min_age; eligible at: 2024-03-15T10:15:00Z)"
    )
    assert trial.place(*failure.path)[:2] == (7, 14)


def test_what_was_outranked_says_by_which_factors(trial_of: Callable[..., Trial]) -> None:
    [failure] = judge(trial_of("expect: {first: app-bread}"), ANSWER)
    assert failure.why == (
        "credit has rank 1: priority 0.02, value 2, lever 3, pinned",
        "app-bread has rank 2: priority 0.02, value 2, lever 1",
    )


def test_of_several_placements_the_best_fitting_exclusion_counts(trial_of: Callable[..., Trial]) -> None:
    elsewhere = Exclusion("strong-wine", Stage.PLACEMENT, "type", "The placement does not accept it.")
    answer = Answer({"home": (), "card": ()}, {"home": (TOO_YOUNG,), "card": (elsewhere,)})
    trial = trial_of("request: {placements: [home, card]}\nexpect: {excluded: {strong-wine: placement}}")
    assert judge(trial, answer) == ()


def test_nothing_is_expected_of_every_placement(trial_of: Callable[..., Trial]) -> None:
    trial = trial_of("request: {placements: [home, card]}\nexpect: {nothing: true}")
    [failure] = judge(trial, Answer({"home": (), "card": (CREDIT,)}, {}))
    assert failure.came == "home: nothing; card: credit"
