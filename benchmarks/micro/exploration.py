"""What it costs to fill a placement that explores or mixes, beside one that takes the best.

Run it with `python -m benchmarks.micro.exploration`; add `--json` for a machine. A hundred candidates, three
places.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.interleaved import Candidate, run
from nextbest_rules.catalog import Exploration
from nextbest_rules.terms import ExplorationMethod
from nextbest_service.decisions.arbitration import Quota, Slot, fill_slots
from nextbest_service.decisions.exploration import Explorer, Outlook

CANDIDATES, PLACES = 100, 3


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    dice = np.random.default_rng(1)
    propensity = np.sort(dice.beta(1.0, 30.0, CANDIDATES))[::-1]
    outlook = Outlook(propensity * 10.0, propensity, np.full(CANDIDATES, 200.0))
    order, every = np.arange(CANDIDATES), np.ones(CANDIDATES, dtype=np.bool_)

    def exploring(method: ExplorationMethod, share: float) -> Slot:
        return Slot(
            every, PLACES, explorer=Explorer(Exploration(method, share, 0.05), outlook, b"decision/place")
        )

    slots = {
        "takes the best": Slot(every, PLACES),
        "mixes": Slot(every, PLACES, quotas=(Quota(order % 7, 1),)),
        "epsilon_greedy": exploring(ExplorationMethod.EPSILON_GREEDY, 0.1),
        "thompson": exploring(ExplorationMethod.THOMPSON, 0.0),
    }
    for name, slot in slots.items():
        yield Candidate(
            "a placement that", name, 0, lambda slot=slot: fill_slots(order, [slot], allow_duplicates=False)
        )


if __name__ == "__main__":
    run("Placements that explore", candidates, {"numpy": np.__version__}, rounds=51, calls=20)
