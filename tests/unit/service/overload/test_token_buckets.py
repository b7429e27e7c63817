"""Token buckets: so much at once, so much in the long run, each caller for itself."""

from hypothesis import given
from hypothesis import strategies as st

from nextbest_service.overload.quotas import Buckets, Quota, TokenBucket

SLOW = Quota(per_second=2.0, burst=3.0)


class HandClock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_bucket_gives_its_burst_at_once_and_then_as_it_fills() -> None:
    bucket = TokenBucket(SLOW, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.25) == 0.25
    assert bucket.take(0.5) == 0.0
    assert bucket.take(0.5) == 0.5
    assert [bucket.take(1000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


@given(st.lists(st.floats(0, 5), max_size=200))
def test_no_order_of_calls_gets_more_than_burst_and_rate(gaps: list[float]) -> None:
    bucket, now, taken = TokenBucket(SLOW, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now) == 0.0
    assert taken <= SLOW.burst + SLOW.per_second * now + 1e-6


def test_who_waits_as_long_as_told_gets_a_token() -> None:
    bucket = TokenBucket(SLOW, 0.0)
    for _ in range(3):
        bucket.take(0.0)
    wait = bucket.take(0.0)
    assert bucket.take(wait) == 0.0


def test_each_caller_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(clock=HandClock())
    for _ in range(3):
        assert buckets.take("one", SLOW) == 0.0
    assert buckets.take("one", SLOW) > 0.0
    assert buckets.take("other", SLOW) == 0.0


def test_workers_give_their_parts() -> None:
    clock = HandClock()
    buckets = Buckets(workers=2, clock=clock)
    quota = Quota(per_second=10.0, burst=4.0)
    assert [buckets.take("one", quota) for _ in range(3)] == [0.0, 0.0, 0.2]
    clock.now += 0.2
    assert buckets.take("one", quota) == 0.0


def test_a_changed_quota_counts_at_once() -> None:
    buckets = Buckets(clock=HandClock())
    while not buckets.take("one", SLOW):
        pass
    assert buckets.take("one", Quota(per_second=1.0, burst=1.0)) == 0.0
    assert buckets.take("one", Quota(per_second=1.0, burst=1.0)) == 1.0
