"""Check the references by which entries name channels, purposes, locales, brands and actions."""

from nextbest_rules.loading.references.faults import Faults, Roots, action_files, unknown, unknown_name
from nextbest_rules.loading.references.names import Names
from nextbest_rules.loading.yaml_nodes import MappingNode, each

_DECLARED = "{} '{{}}' is not declared in catalog.yaml"
_LINKS = (
    ("placements.yaml", "placements.*.channel", "channels"),
    ("policies.yaml", "consent.*.channels.*", "channels"),
    ("policies.yaml", "contact_policy.*.*.channels.*", "channels"),
    ("policies.yaml", "consent.*.purpose", "purposes"),
)
_ACTION_LINKS = (
    ("actions.*.channels.*", "channels"),
    ("actions.*.treatments.*.channels.*", "channels"),
    ("actions.*.treatments.*.locales.*", "locales"),
    ("actions.*.brands.*", "brands"),
)


def check_links(roots: Roots, names: Names) -> Faults:
    """Yield every reference to what is not declared."""
    links = [(file, roots.get(file), path, kind) for file, path, kind in _LINKS]
    links += [(file, root, path, kind) for file, root in action_files(roots) for path, kind in _ACTION_LINKS]
    for file, root, path, kind in links:
        for node in each(root, path):
            yield from unknown(file, node, getattr(names, kind), _DECLARED.format(kind.removesuffix("s")))
    for channels in each(roots.get("placements.yaml"), "placements.*.channels"):
        for name, place in channels.keys.items() if isinstance(channels, MappingNode) else ():
            yield from unknown_name(
                "placements.yaml", place, name, names.channels, _DECLARED.format("channel")
            )
