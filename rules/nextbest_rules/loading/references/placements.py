"""Check the fallbacks of placements: what stands in must be there and must fit."""

from nextbest_rules.loading.references.faults import Faults, Roots, action_nodes, fault_at, unknown
from nextbest_rules.loading.references.names import Names
from nextbest_rules.loading.yaml_nodes import MappingNode, ScalarNode, child, items_of, plain, text_of


def check_placements(roots: Roots, names: Names) -> Faults:
    """Yield the faults of fallbacks."""
    placements = [
        (placement, fallback)
        for placement in items_of(roots.get("placements.yaml"), "placements")
        if (fallback := text_of(placement, "fallback")) is not None
    ]
    if not placements:
        return
    actions = {str(plain(node)): action for _, action in action_nodes(roots) if (node := child(action, "id"))}
    for placement, fallback in placements:
        yield from unknown("placements.yaml", fallback, names.actions, "no action has id '{}'")
        action = actions.get(fallback.text)
        if action is not None:
            yield from _misfits(placement, fallback, action)


def _misfits(placement: MappingNode, fallback: ScalarNode, action: MappingNode) -> Faults:
    accepted, kind = _texts(placement, "accepts"), text_of(action, "type")
    if accepted is not None and kind is not None and kind.text not in accepted:
        message = f"the placement does not accept its fallback: '{fallback.text}' is of type {kind.text}"
        yield fault_at("placements.yaml", fallback.place, message)
    own, offered = _channels(placement), _texts(action, "channels")
    if own and offered is not None and not own & offered:
        message = f"the fallback '{fallback.text}' is not for {' or '.join(sorted(own))}"
        yield fault_at("placements.yaml", fallback.place, message)


def _texts(owner: MappingNode, key: str) -> set[str] | None:
    listed = child(owner, key)
    found = plain(listed) if listed is not None else None
    return set(map(str, found)) if isinstance(found, list) else None


def _channels(placement: MappingNode) -> set[str]:
    channel, channels = text_of(placement, "channel"), child(placement, "channels")
    if channel is not None:
        return {channel.text}
    return set(channels.entries) if isinstance(channels, MappingNode) else set()
