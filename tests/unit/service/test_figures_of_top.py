"""What `nextbest top` makes of two readings of the metrics."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nextbest_service.top.figures import Figures, Rpc, Spread, figures, quantile
from nextbest_service.top.scrapes import Scrape, Values, parse, window
from nextbest_service.top.screen import screen

DECIDE = 'rpc="DecisionService/Decide"'


def reading(at: float, text: str | None, address: str = "a:1") -> Scrape:
    """Return what a process said; None: it did not answer."""
    return Scrape(address, at, None if text is None else parse(text), "" if text else "refused")


def requests(ok: int, internal: int = 0) -> str:
    """Return counters of one process."""
    name = "nextbest_requests_total"
    return (
        f'# TYPE nextbest_requests counter\n{name}{{{DECIDE},status="OK"}} {ok}\n'
        f'{name}{{{DECIDE},status="INTERNAL"}} {internal}\n'
    )


def seen(*pairs: tuple[Scrape, Scrape]) -> Figures:
    """Return the figures of some processes."""
    return figures(window([first for first, _ in pairs], [last for _, last in pairs]))


def test_rates_of_all_processes_are_added_up() -> None:
    found = seen(
        (reading(10, requests(100)), reading(12, requests(300, 4))),
        (reading(10, requests(0), "a:2"), reading(14, requests(40), "a:2")),
    )
    (rpc,) = found.rpcs
    assert rpc.rate == pytest.approx(100 + 2 + 10)
    assert rpc.errors == {"INTERNAL": 2.0}
    assert [worker.rate for worker in found.workers] == [pytest.approx(102.0), pytest.approx(10.0)]


def test_a_counter_that_began_anew_grew_by_all_it_has() -> None:
    found = seen((reading(0, requests(1_000_000)), reading(10, requests(50))))
    assert found.rpcs[0].rate == pytest.approx(5.0)


@pytest.mark.parametrize("gone_at", ["before", "after"])
def test_a_process_that_does_not_answer_is_shown_as_such_and_counts_for_nothing(gone_at: str) -> None:
    first = reading(0, None if gone_at == "before" else requests(5), "a:2")
    last = reading(2, None if gone_at == "after" else requests(900), "a:2")
    found = seen((reading(0, requests(0)), reading(2, requests(20))), (first, last))
    assert found.rpcs[0].rate == pytest.approx(10.0)
    assert [bool(worker.problem) for worker in found.workers] == [False, gone_at == "after"]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.25, 0.5), (0.5, 1.0), (0.75, 1.5), (0.9, 1.8), (0.99, 2.0), (1.0, 2.0)]
)
def test_quantiles_lie_between_the_bounds_and_never_beyond_the_last(share: float, expected: float) -> None:
    assert quantile([(1.0, 50), (2.0, 100), (4.0, 100), (inf, 100)], share) == pytest.approx(
        expected, rel=0.02
    )
    assert quantile([(1.0, 0), (2.0, 0), (inf, 100)], share) == 2.0


@given(st.lists(st.floats(0.0, 99.0), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_in_the_bucket_of_the_value(values: list[float], share: float) -> None:
    bounds = [1.0, 5.0, 10.0, 50.0, 100.0]
    buckets = [(bound, float(sum(value <= bound for value in values))) for bound in bounds]
    found = quantile([*buckets, (inf, float(len(values)))], share)
    rank = max(1, -(-share * len(values) // 1))
    exact = sorted(values)[min(len(values), int(rank)) - 1]
    above = min(bound for bound in bounds if exact <= bound)
    below = max((bound for bound in [0.0, *bounds] if bound < above), default=0.0)
    assert found is not None
    assert below - 1e-9 <= found <= above + 1e-9


def test_nothing_timed_has_no_quantile() -> None:
    assert quantile([], 0.5) is None
    assert quantile([(1.0, 0.0), (inf, 0.0)], 0.5) is None


def test_what_is_left_out_is_per_sampled_decision_in_the_order_of_the_stages() -> None:
    def sampled(count: int, **stages: int) -> str:
        rows = "".join(
            f'nextbest_sampled_exclusions_total{{stage="{stage}",rule="r"}} {it}\n'
            for stage, it in stages.items()
        )
        return f"nextbest_sampled_decisions_total {count}\n{rows}"

    found = seen((reading(0, sampled(0)), reading(5, sampled(10, arbitration=30, guard=5, consent=0))))
    assert [*found.left_out.items()] == [("guard", 0.5), ("arbitration", 3.0)]


@pytest.mark.parametrize(("value", "told"), [("0", False), ("1", True), (None, None)])
def test_the_breaker_is_told_where_there_is_one(value: str | None, told: bool | None) -> None:
    text = "" if value is None else f"nextbest_store_breaker_open {value}\n"
    assert seen((reading(0, "x 1\n"), reading(1, f"x 1\n{text}"))).breaker_open is told


def shown(found: Figures, width: int, height: int) -> list[str]:
    """Return the lines of the screen."""
    console = Console(width=width, height=height, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(screen(found, height, 2.0))
    return captured.get().splitlines()


def busy() -> Figures:
    """Return figures with much in them."""
    took = Spread(0.001, 0.0011, 0.0123, 0.456)
    rpcs = tuple(
        Rpc(f"SomeService/UnlinkIdentities{it}", 123_456.7, {"INTERNAL": 1.0, "NOT_FOUND": 99.0}, took, 7)
        for it in range(30)
    )
    before: Values = {}
    empty = figures(window([Scrape("a:1", 0, before)], [Scrape("a:1", 1, before)]))
    return replace(
        empty,
        rpcs=rpcs,
        breaker_open=True,
        broken_parts=("catalog",),
        log_lost=3,
        degraded={"MODEL_UNAVAILABLE": 12.0, "STATE_UNREADABLE": 3.0},
        left_out=dict.fromkeys(("validity", "contact_policy"), 1000.0),
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_a_busy_service_fits_on_the_terminal(width: int, height: int) -> None:
    lines = shown(busy(), width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    text = "\n".join(lines)
    for word in ("store given up", "catalog does not work", "log lost 3", "INTERNAL +1", "456 ms", "a:1"):
        assert word in text
    left = 30 - text.count("UnlinkIdentities")
    assert (f"and {left} more" in text) == bool(left)
