"""The standard work's catalog: the shipped one of grocery, with an overlay, as files of its own."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from nextbest_service.catalogs import find_catalog

AISLES = 24
OVERLAY = Path(__file__).parent / "overlay.yaml"
_TITLES = ("facts.yaml", "features.yaml", "events.yaml", "placements.yaml", "policies.yaml", "catalog.yaml")

Document: TypeAlias = dict[str, Any]
Node: TypeAlias = Any
"""A part of a YAML document."""


def write_catalog(root: Path) -> None:
    """Write the catalog into a directory that does not exist yet."""
    (root / "actions").mkdir(parents=True)
    grocery, overlay = find_catalog("grocery"), _read(OVERLAY)
    for name in _TITLES:
        _write(root / name, merged(_read(grocery / name), overlay.get(name, {})))
    files = {path.name: _read(path) for path in sorted((grocery / "actions").glob("campaign-*.yaml"))}
    aisles = aisles_by_group([action["group"] for actions in files.values() for action in actions])
    for name, actions in files.items():
        _write(root / "actions" / name, [_dressed(action, aisles[action["group"]]) for action in actions])


def merged(below: Node, above: Node) -> Node:
    """Return a document under another one: mappings merged, lists joined by id or name, the rest replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: merged(below[key], it) if key in below else it for key, it in above.items()}
    if isinstance(below, list) and isinstance(above, list):
        new = {_name(it) for it in above}
        return [it for it in below if _name(it) not in new] + above
    return above


def aisles_by_group(groups: Sequence[str]) -> Mapping[str, str]:
    """Return an aisle for each group, so that all aisles have about as many actions. One entry per action."""
    load = dict.fromkeys((f"a{number:02}" for number in range(1, AISLES + 1)), 0)
    found = {}
    for group, actions in sorted(Counter(groups).items(), key=lambda it: (-it[1], it[0])):
        found[group] = min(load, key=lambda aisle: (load[aisle], aisle))
        load[found[group]] += actions
    return found


def _dressed(action: Document, aisle: str) -> Document:
    """Return an action with its aisle and with what a page and an app show."""
    attributes = {**action["attributes"], "aisle": aisle}
    return {**action, "attributes": attributes, "treatments": [*_treatments(action)]}


def _treatments(action: Document) -> Iterator[Document]:
    group = str(action["group"]).title()
    content = {
        "headline": f"Save on {group}",
        "text": f"A coupon for {action['attributes']['products']} products of {group}, for you and yours.",
        "image": f"https://cdn.example/coupons/{action['id']}/wide.webp",
        "link": f"https://shop.example/coupons/{action['id']}?from=home",
        "button": "Activate the coupon",
    }
    parameters = {"trips": "features.trips_91d"} if action["attributes"]["campaign_type"] == "A" else {}
    yield {"id": "tile", "channels": ["web"], "content": content, "parameters": parameters}
    short = {key: content[key] for key in ("headline", "image", "link")}
    yield {"id": "card", "channels": ["app"], "content": short}
    yield {"id": "block", "channels": ["email"], "content": {**content}}  # YAML anchors are not allowed


def _name(entry: Node) -> Node:
    return entry.get("id") or entry.get("name") if isinstance(entry, dict) else entry


def _read(path: Path) -> Node:
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)


def _write(path: Path, document: Node) -> None:
    text = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=100_000)
    path.write_text(text, encoding="utf-8")
