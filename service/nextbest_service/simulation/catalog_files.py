"""A world's actions, features and placement as the files of a catalog, such as people write them."""

from collections.abc import Mapping

import yaml

from nextbest_models.world import World

NAME = "world"
PLACEMENT = "home"
NAMESPACE = "customer"
HOUR = "hour"
TYPES = ("OFFER", "SERVICE", "INFORMATION")


def render_catalog(world: World, explore: float | None) -> Mapping[str, str]:
    """Return the text of every file by its name.

    `explore` is the floor under Thompson sampling, see the catalog's `share`; None: nothing explores.

    The model gets to know customers by their traits, actions by their properties and their number, and the
    hour of the visit. No action has a declared propensity: there is nothing to go by on the first day.
    """
    documents: Mapping[str, Mapping[str, object]] = {
        "catalog.yaml": {
            "name": NAME,
            "title": "A world whose truth is known",
            "channels": ["web"],
            "action_attributes": [
                {"name": "number", "type": "int"},
                {"name": "family", "type": "int"},
                *({"name": name, "type": "double"} for name in _properties(world)),
            ],
            "namespaces": [{"name": NAMESPACE, "one_per_person": True}],
        },
        "events.yaml": {"streams": []},
        "facts.yaml": {"facts": [], "context": [{"name": HOUR, "type": "int"}]},
        "features.yaml": {"affinities": [], "features": _features(world)},
        "placements.yaml": {"placements": [_placement(world, explore)]},
        "policies.yaml": {},
        "actions/all.yaml": {"actions": [_action(world, number) for number in range(len(world.value))]},
    }
    return {name: _text(name, content) for name, content in documents.items()}


def action_ids(world: World) -> list[str]:
    """Return the ids of a world's actions, in its order and the catalog's."""
    return [
        f"{_type(world, number).lower()}-{number:0{len(str(len(world.value)))}}"
        for number in range(len(world.value))
    ]


def trait_names(world: World) -> list[str]:
    """Return the names of the customer's features."""
    return [f"trait_{number}" for number in range(1, world.customers.shape[1] + 1)]


def _properties(world: World) -> list[str]:
    return [f"property_{number}" for number in range(1, world.features.shape[1] + 1)]


def _features(world: World) -> list[Mapping[str, object]]:
    attributes = ["number", "family", *_properties(world)]
    return [
        *(
            {"name": name, "source": "customer", "definition": {"external": True}, "default": 0.0}
            for name in trait_names(world)
        ),
        *({"name": name, "source": "action", "definition": {"attribute": name}} for name in attributes),
        {"name": HOUR, "source": "context", "definition": {"context": HOUR}},
    ]


def _placement(world: World, explore: float | None) -> Mapping[str, object]:
    return {
        "id": PLACEMENT,
        "title": "Home page",
        "channel": "web",
        "direction": "INBOUND",
        "default_limit": world.ranks,
        "max_limit": world.ranks,
        # It may cost whatever it costs: there is nothing yet that could be given up.
        **({} if explore is None else {"explore": {"method": "thompson", "share": explore, "regret": 1.0}}),
    }


def _action(world: World, number: int) -> Mapping[str, object]:
    family = int(world.group[number])
    properties = zip(_properties(world), world.features[number].tolist(), strict=True)
    return {
        "id": action_ids(world)[number],
        "type": _type(world, number),
        "issue": f"issue-{int(world.issue[number])}",
        "group": f"group-{family}",
        "title": f"{_type(world, number).capitalize()} {number}",
        "value": float(world.value[number]),
        "attributes": {"number": number, "family": family, **dict(properties)},
    }


def _type(world: World, number: int) -> str:
    return TYPES[int(world.group[number]) % len(TYPES)]


def _text(name: str, content: Mapping[str, object]) -> str:
    plain = content["actions"] if name.startswith("actions/") else content
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
