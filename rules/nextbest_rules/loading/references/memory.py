"""Check catalog.yaml: the order of namespaces, and that what is remembered fits together."""

from nextbest_rules.catalog import Memory
from nextbest_rules.durations import duration_ms, show_duration
from nextbest_rules.loading.references.faults import Faults, Roots, fault_at
from nextbest_rules.loading.yaml_nodes import Node, ScalarNode, child, items_of, text_of

_HEAD = "catalog.yaml"


def check_memory(roots: Roots) -> Faults:
    """Yield the faults of namespaces and memory beyond their shape."""
    head = roots.get(_HEAD)
    yield from _weaker_first(head)
    memory = child(head, "memory") if head is not None else None
    if memory is not None:
        yield from _settles_too_long(memory)


def _weaker_first(head: Node | None) -> Faults:
    """Yield a fault for each person's name that is listed as weaker than one of a device."""
    device = ""
    for item in items_of(head, "namespaces"):
        anonymous, name = child(item, "anonymous"), text_of(item, "name")
        if name is None:
            continue
        if isinstance(anonymous, ScalarNode) and anonymous.value is True:
            device = device or name.text
        elif device:
            message = f"stands after '{device}', which is anonymous; the strongest come first"
            yield fault_at(_HEAD, name.place, f"namespace '{name.text}' {message}")


def _settles_too_long(memory: Node) -> Faults:
    settle = text_of(memory, "settle")
    late_ms, settle_ms = _length_ms(text_of(memory, "late_events")), _length_ms(settle)
    limit_ms = Memory().late_events_ms if late_ms is None else late_ms
    if settle is not None and settle_ms is not None and settle_ms > limit_ms:
        message = f"longer than events are remembered: late_events is {show_duration(limit_ms)}"
        yield fault_at(_HEAD, settle.place, message)


def _length_ms(node: ScalarNode | None) -> int | None:
    """Return a duration; None for one that is absent, or whose fault is reported elsewhere."""
    try:
        return None if node is None else duration_ms(node.text)
    except ValueError:
        return None
