"""Check holdouts and experiments: names that are free, arms that differ, and one experiment for rankers."""

from collections.abc import Iterator

from nextbest_rules.loading.references.faults import Faults, Roots, address, fault_at
from nextbest_rules.loading.references.rules import policy_rules
from nextbest_rules.loading.yaml_nodes import MappingNode, ScalarNode, items_of, text_of

FILE = "experiments.yaml"


def check_experiments(roots: Roots) -> Faults:
    """Yield the faults of experiments.yaml beyond its shape."""
    root = roots.get(FILE)
    taken = {
        node.text: ("policies.yaml", node) for rule in policy_rules(roots) if (node := text_of(rule, "id"))
    }
    yield from _repeated(items_of(root, "holdouts"), "holdout", taken)
    experiments = list(items_of(root, "experiments"))
    yield from _repeated(experiments, "experiment", taken)
    for experiment in experiments:
        yield from _repeated(items_of(experiment, "arms"), "arm", {})
    yield from _rankers(experiments)


def _repeated(
    items: Iterator[MappingNode] | list[MappingNode], what: str, taken: dict[str, tuple[str, ScalarNode]]
) -> Faults:
    for item in items:
        name = text_of(item, "id")
        if name is None:
            continue
        if name.text in taken:
            file, first = taken[name.text]
            yield fault_at(
                FILE, name.place, f"duplicate {what} '{name.text}', first at {address(file, first.place)}"
            )
        taken.setdefault(name.text, (FILE, name))


def _rankers(experiments: list[MappingNode]) -> Faults:
    """Yield the second experiment that chooses rankers, and so on: two would contradict each other."""
    choosing = [
        [ranker for arm in items_of(experiment, "arms") if (ranker := text_of(arm, "ranker")) is not None]
        for experiment in experiments
    ]
    first = next((rankers[0] for rankers in choosing if rankers), None)
    for rankers in choosing:
        if rankers and first is not None and rankers[0] is not first:
            message = f"another experiment chooses rankers, at {address(FILE, first.place)}"
            yield fault_at(FILE, rankers[0].place, message)
