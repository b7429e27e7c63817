"""What decisions of one generation have in common: written once, so that each record only has numbers."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from nextbest_models.action_side import action_side_bytes, action_side_id
from nextbest_service.decision_log.entries import LogFormatError, completed, pack, unpack
from nextbest_service.decision_log.figures import FigurePacker, Floats
from nextbest_service.decisions.generation import (
    Generation,
    Versions,
    action_profiles,
    feature_declarations,
)

_OLDEST_FIELDS = 8
_LATER_FIELDS: Sequence[object] = ("", MappingProxyType({}))
_DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Legend:
    """The names behind the numbers of a record.

    `actions` are in the order of the catalog, `features` in that of a vector, `stages` in that of screening.
    `values` and, by brand and goal, `levers` are float32 with one entry per action: records only tell what is
    different for their customer. `words` is a text that bodies of earlier versions repeat. `action_side` is
    the id of what rows of features are made of beside the customer, empty in legends of earlier versions;
    `action_side_blob` are its bytes, and `packer` packs figures, where the legend comes from the generation
    itself: nobody else writes records. `rankers` are the versions of the models by the names under which they
    are in use.
    """

    id: bytes
    catalog: str
    versions: Versions
    actions: tuple[str, ...]
    features: tuple[str, ...]
    stages: tuple[str, ...]
    values: Floats
    levers: Mapping[tuple[str, str], Floats]
    words: bytes
    action_side: str
    rankers: Mapping[str, str]
    blob: bytes
    action_side_blob: bytes = b""
    packer: FigurePacker | None = None

    @classmethod
    def of(cls, generation: Generation) -> "Legend":
        """Return the legend of a generation."""
        catalog, versions = generation.catalog, generation.versions
        side = action_side_bytes(
            generation.assembler, action_profiles(catalog), feature_declarations(catalog)
        )
        brands_and_goals = [(brand, goal) for brand in ("", *catalog.brands) for goal in ("", *catalog.goals)]
        content = pack(
            [
                catalog.name,
                [versions.catalog, versions.ruleset, versions.model, versions.feature_spec],
                [action.id for action in catalog.actions],
                list(generation.spec.customer_names),
                list(generation.rules.stages),
                generation.values.astype("<f4").tobytes(),
                [[*pair, generation.levers(*pair, {}).astype("<f4").tobytes()] for pair in brands_and_goals],
                b"",
                action_side_id(side),
                {name: ranking.version for name, ranking in generation.rankings.items()},
            ]
        )
        legend = cls.from_blob(zlib.compress(content))
        packer = FigurePacker.of(legend.values, legend.levers, generation.assembler)
        return replace(legend, action_side_blob=side, packer=packer)

    @classmethod
    def from_blob(cls, blob: bytes) -> "Legend":
        """Return the legend that was written as these bytes.

        Raises:
            LogFormatError: they are damaged.
        """
        try:
            content: Any = unpack(zlib.decompress(blob), _OLDEST_FIELDS)
        except zlib.error as error:
            raise LogFormatError("a legend of the decision log cannot be read") from error
        catalog, versions, actions, features, stages, values, levers, words, side, rankers = completed(
            content, _OLDEST_FIELDS, _LATER_FIELDS
        )
        return cls(
            id=hashlib.sha256(blob).digest()[:_DIGEST_BYTES],
            catalog=catalog,
            versions=Versions(*versions),
            actions=tuple(actions),
            features=tuple(features),
            stages=tuple(stages),
            values=np.frombuffer(values, dtype="<f4"),
            levers={(brand, goal): np.frombuffer(own, dtype="<f4") for brand, goal, own in levers},
            words=words,
            action_side=side,
            rankers=rankers,
            blob=blob,
        )
