"""Fills placements from the few best candidates, by masks over the catalog: the usual case, without arrays.

What it gives is what `arbitration.fill_slots` gives.
"""

from collections import Counter
from collections.abc import Sequence

from nextbest_rules import Room
from nextbest_service.decisions.arbitration import Choice
from nextbest_service.decisions.factors import Factors
from nextbest_service.decisions.generation import Exclusive
from nextbest_service.decisions.showing import Showing
from nextbest_service.decisions.slot_plan import SlotPlan


def fill_from_leaders(
    plan: SlotPlan,
    exclusive: Sequence[Exclusive],
    shown: Sequence[Showing],
    factors: Factors,
    rooms: Sequence[Room],
    unshowable: int,
    *,
    allow_duplicates: bool,
) -> Sequence[Sequence[Choice]] | None:
    """Return for each placement what was chosen, best first.

    None where the leaders do not suffice: others, or a fallback, may have to come in. `unshowable` is the
    mask of the actions that no placement can show.
    """
    row_of, slates = factors.rows.item, []
    barred, answer = unshowable, 0
    for showing in shown:
        placement, limit = showing.asked.placement, showing.asked.limit
        quotas = plan.quotas(placement, limit)
        counts = Counter[tuple[int, int]]()
        open_to, chosen = showing.mask & ~barred & ~plan.fallback(placement), []
        for place in factors.leaders:
            row = row_of(place)
            if not open_to >> row & 1:
                continue
            if quotas:
                kinds = [(number, kinds.item(row)) for number, (_, kinds) in enumerate(quotas)]
                if any(counts[kind] >= most for kind, (most, _) in zip(kinds, quotas, strict=True)):
                    continue
                counts.update(kinds)
            answer |= 1 << row
            chosen.append(Choice(place))
            if len(chosen) == limit and showing is shown[-1]:
                break
            barred |= _closed_by(exclusive, rooms, row, answer, allow_duplicates=allow_duplicates)
            if len(chosen) == limit:
                break
            open_to &= ~barred
        some_are_left = len(chosen) < limit and not factors.all_lead
        if some_are_left or (not chosen and placement.fallback is not None):
            return None
        slates.append(chosen)
    return slates


def _closed_by(
    exclusive: Sequence[Exclusive], rooms: Sequence[Room], row: int, answer: int, *, allow_duplicates: bool
) -> int:
    """Return what may not come in any more beside an action, the latest one of the answer."""
    bit = 1 << row
    closed = 0 if allow_duplicates else bit
    for group in exclusive:
        if group.mask & bit:
            closed |= group.mask & ~bit
    for room in rooms:
        closed |= room.closed_by(row, answer)
    return closed
