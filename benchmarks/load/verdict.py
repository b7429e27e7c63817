"""When a run may say anything: not where the machine was noisy, calls failed, or the load was too slow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.load.measuring import Cell

ECHO = "echo"
FEWEST_ROUNDS = 5
NOISE = 2.0
BUSY = 0.9
LEAST_CORE = 0.85
"""What a saturated server has of its core at least, if nobody else is there."""
LEVEL = 0.7
"""The share of saturation at which noise is looked for, and at which the tails of the targets are."""


@dataclass(frozen=True, slots=True)
class Target:
    """One promise. `met` by a value of at least `wanted`, or at most where `at_least` is False."""

    name: str
    key: str
    wanted: float
    at_least: bool

    def met(self, value: float | None) -> bool | None:
        """Tell whether a value keeps the promise; None where nothing was measured."""
        if value is None:
            return None
        return value >= self.wanted if self.at_least else value <= self.wanted


TARGETS = (
    Target("full decision / echo", "ratio_to_echo", 0.60, at_least=True),
    Target("full decision / hand-written", "ratio_to_handwritten", 6.0, at_least=True),
    Target("p99 at 70 % of saturation, ms", "p99_ms", 5.0, at_least=False),
    Target("p99.9 at 70 % of saturation, ms", "p999_ms", 10.0, at_least=False),
    Target("server-side p50 of a lone caller, us", "alone_us", 400.0, at_least=False),
)


def why_no_verdict(cells: Sequence[Cell], *, rounds: int, apart: bool) -> list[str]:
    """Return every reason why these cells prove nothing; none where they do."""
    return [*_reasons(cells, rounds, apart)]


def _reasons(cells: Sequence[Cell], rounds: int, apart: bool) -> Iterator[str]:
    if not apart:
        yield "server and load share one core"
    if rounds < FEWEST_ROUNDS:
        yield f"{rounds} rounds are too few: it takes {FEWEST_ROUNDS}"
    for server, (errors, wrong) in _failures(cells).items():
        if errors or wrong:
            yield f"{server}: {errors} calls failed, and {wrong} answers of the sample were not whole"
    noisy = noise(cells)
    if noisy > NOISE:
        yield (
            f"the machine was too noisy: in the worst round the echo's p99 at {LEVEL:.0%} was {noisy:.1f} "
            f"times its median over the rounds (at most {NOISE:g})"
        )
    yield from _crowded(cells)
    busiest = {it.server: it.load_busy for it in sorted(cells, key=lambda it: it.load_busy)}
    for server, busy in busiest.items():
        if busy > BUSY:
            yield f"{server}: the load was the bottleneck, its core was busy for {busy:.0%} of the time"


def _crowded(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield the servers that did not have their core to themselves.

    The echo's tail does not tell: where others are there all the time, it is long in every round alike.
    """
    full = [it for it in cells if it.level is None]
    for server in dict.fromkeys(it.server for it in full):
        least = min(it.core_share for it in full if it.server == server)
        if least < LEAST_CORE:
            yield (
                f"{server}: in a round it had {least:.0%} of its core at saturation (at least "
                f"{LEAST_CORE:.0%}): others used it, or the load did not fill it"
            )


def noise(cells: Sequence[Cell]) -> float:
    """Return how much worse the echo's p99 was in the worst round than in the median round.

    The echo does the same in every round. What its tail does from round to round is the machine's doing, and
    happens to all other servers too. The p99 is that of one round at `LEVEL`, from the planned moment. A tail
    that is long in every round alike is no noise in this sense: it is in everybody's figures.
    """
    tails = [it.percentile(99) for it in cells if it.server == ECHO and it.level == LEVEL]
    return max(tails) / median(tails) if tails else float("inf")


def _failures(cells: Sequence[Cell]) -> Mapping[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for cell in cells:
        errors, wrong = found.get(cell.server, (0, 0))
        found[cell.server] = errors + cell.errors, wrong + cell.wrong
    return found
