"""What an assembler knows of its actions, as one file: rows can be made again when catalog and data moved on.

The file is a NumPy archive (.npz) of plain arrays, and of one JSON text that says what they are.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.definitions import Source
from nextbest_models.evidence import Kind
from nextbest_models.features import FeatureSpec
from nextbest_models.pairs import KeyTable, PairFamily, pair_column
from nextbest_models.parsing import Plain

_FORMAT = 1
_ID_BYTES = 8
_DAMAGED = (LookupError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading something else, or half of it, ends in. A `FeatureSpecError` is a ValueError."""


class ActionSideError(ValueError):
    """The bytes are no action side, damaged, or written by a version that meant something else."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """What features.yaml declares, as plain data: what `FeatureSpec.from_declarations` takes."""

    affinities: Sequence[Plain]
    features: Sequence[Plain]


@dataclass(frozen=True, slots=True)
class ActionSide:
    """The actions of one generation as ranking saw them. `actions` and `kinds` are in the catalog's order."""

    id: str
    actions: tuple[str, ...]
    kinds: tuple[Kind, ...]
    assembler: CandidateAssembler

    @property
    def spec(self) -> FeatureSpec:
        """The features."""
        return self.assembler.spec

    @classmethod
    def from_bytes(cls, content: bytes) -> "ActionSide":
        """Return what `action_side_bytes` wrote.

        Raises:
            ActionSideError: it is something else, damaged, or its features mean something else by now.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            return cls._read(action_side_id(content), arrays)
        except ActionSideError:
            raise
        except _DAMAGED as error:
            raise ActionSideError(f"an action side cannot be read: {error}") from error

    @classmethod
    def _read(cls, id_: str, arrays: Mapping[str, Any]) -> "ActionSide":
        about = json.loads(arrays["about"].tobytes())
        if about["format"] != _FORMAT:
            raise ActionSideError(f"an action side of format {about['format']}; this version reads {_FORMAT}")
        spec = FeatureSpec.from_declarations(about["affinities"], about["features"])
        if spec.digest != about["spec_digest"]:
            raise ActionSideError("the features of an action side mean something else in this version")
        kinds = zip(*(arrays[name].tolist() for name in Kind._fields), strict=True)
        base = np.tile(spec.defaults, (len(arrays["actions"]), 1))
        base[:, spec.positions(Source.ACTION)] = arrays["own"]
        families = tuple(_family(spec, number, item, arrays) for number, item in enumerate(about["families"]))
        return cls(
            id=id_,
            actions=tuple(arrays["actions"].tolist()),
            kinds=tuple(Kind(*kind) for kind in kinds),
            assembler=CandidateAssembler.of_parts(spec, base, families),
        )


def action_side_id(content: bytes) -> str:
    """Return the id of an action side by its bytes, 16 hex digits."""
    return hashlib.sha256(content).digest()[:_ID_BYTES].hex()


def action_side_bytes(
    assembler: CandidateAssembler, actions: Sequence[ActionProfile], declared: Declarations
) -> bytes:
    """Return an assembler's side of its actions as bytes. `declared` are what its features were made from."""
    spec = assembler.spec
    about = {
        "format": _FORMAT,
        "spec_digest": spec.digest,
        "affinities": declared.affinities,
        "features": declared.features,
        "families": [
            {"size": family.table.size, "columns": [it.column for it in family.columns]}
            for family in assembler.families
        ],
    }
    text = json.dumps(about, default=dict, separators=(",", ":"), allow_nan=False)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        allow_pickle=False,
        about=np.frombuffer(text.encode(), np.uint8),
        actions=np.array([action.id for action in actions], np.str_),
        **{
            name: np.array([getattr(action.kind, name) for action in actions], np.str_)
            for name in Kind._fields
        },
        own=assembler.base[:, spec.positions(Source.ACTION)],
        **dict(_family_arrays(assembler.families)),
    )
    return file.getvalue()


def _family_arrays(families: Sequence[PairFamily]) -> Iterator[tuple[str, Any]]:
    for number, family in enumerate(families):
        yield f"keys_{number}", family.table.ids.astype(np.uint32)
        yield f"key_counts_{number}", family.table.lengths.astype(np.uint32)
        for pair in family.columns:
            if pair.yardstick is not None:
                yield f"yardstick_{pair.column}", pair.yardstick


def _family(spec: FeatureSpec, number: int, item: Mapping[str, Any], arrays: Mapping[str, Any]) -> PairFamily:
    ids, lengths = (arrays[f"{name}_{number}"].astype(np.intp) for name in ("keys", "key_counts"))
    table = KeyTable(ids, np.cumsum(lengths) - lengths, lengths, item["size"])
    return PairFamily(
        table,
        tuple(pair_column(spec, column, arrays.get(f"yardstick_{column}")) for column in item["columns"]),
    )
