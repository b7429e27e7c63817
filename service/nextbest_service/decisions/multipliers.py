"""What C and L of a proposition are the products of."""

from collections.abc import Iterator

from nextbest_rules.assignment import chosen_arms
from nextbest_rules.rulebook import lever_of
from nextbest_service.decisions.basis import Basis
from nextbest_service.decisions.explanation import Multiplier, MultiplierSource


def multipliers_of(basis: Basis, row: int) -> tuple[Multiplier, ...]:
    """Return the parts of C, then those of L, of an action that was offered; those of 1 are left out."""
    return tuple(it for it in _all(basis, row) if it.factor != 1)


def _all(basis: Basis, row: int) -> Iterator[Multiplier]:
    catalog, request, reach = basis.generation.catalog, basis.request, basis.reach
    action = catalog.actions[row]
    for weighing in basis.generation.rules.context_weights.weighings(1 << row, reach.view):
        yield Multiplier(MultiplierSource.CONTEXT_WEIGHT, weighing.rule_id, weighing.weight)
    yield Multiplier(MultiplierSource.ACTION, action.id, action.lever)
    for source, id_, known in (
        (MultiplierSource.BRAND, request.brand, catalog.brands),
        (MultiplierSource.GOAL, request.goal, catalog.goals),
    ):
        if id_:
            yield Multiplier(source, id_, lever_of(known[id_], action))
    for boost in reach.approaches[0].screening.boosts:
        if boost.mask >> row & 1:
            yield Multiplier(MultiplierSource.GUARD, boost.rule_id, boost.lever)
    for experiment_id, arm in chosen_arms(catalog.experimentation, basis.arms):
        yield Multiplier(MultiplierSource.EXPERIMENT, experiment_id, lever_of(arm, action))


def pinning_guards(basis: Basis, row: int) -> tuple[str, ...]:
    """Return the guards that put an action before all that is not pinned."""
    boosts = basis.reach.approaches[0].screening.boosts
    return tuple(dict.fromkeys(it.rule_id for it in boosts if it.pin and it.mask >> row & 1))
