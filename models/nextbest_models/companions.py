"""What serves beside a model: its calibration and its experience, as files that are checked by hash."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nextbest_models.calibration import (
    NOT_CALIBRATED,
    Calibration,
    CalibrationError,
    read_calibration,
    write_calibration,
)
from nextbest_models.evidence import EvidenceError, Experience, read_experience, write_experience
from nextbest_models.ranker import ModelError

CALIBRATION_FILE = "calibration.json"
EXPERIENCE_FILE = "experience.json"


@dataclass(frozen=True, slots=True)
class Companions:
    """A model's calibration and experience. Without curves or experience there is no file of it."""

    calibration: Calibration = NOT_CALIBRATED
    experience: Experience | None = None

    @property
    def files(self) -> Mapping[str, bytes]:
        """The files by name."""
        found = {}
        if self.calibration.curves:
            found[CALIBRATION_FILE] = write_calibration(self.calibration)
        if self.experience is not None:
            found[EXPERIENCE_FILE] = write_experience(self.experience)
        return found

    @property
    def hashes(self) -> Mapping[str, str]:
        """The SHA-256 of the files, by name."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}


ALONE = Companions()


def read_companions(directory: Path, hashes: Mapping[str, str]) -> Companions:
    """Read what serves beside the model in a directory.

    Raises:
        ModelError: a file is missing, damaged or edited, or of a kind that this version does not know.
    """
    files = {name: _checked(directory / name, sha256) for name, sha256 in hashes.items()}
    calibration, experience = files.pop(CALIBRATION_FILE, None), files.pop(EXPERIENCE_FILE, None)
    if files:
        raise ModelError(
            f"the model in {directory} needs what this version does not know: {', '.join(files)}"
        )
    try:
        return Companions(
            NOT_CALIBRATED if calibration is None else read_calibration(calibration),
            None if experience is None else read_experience(experience),
        )
    except (CalibrationError, EvidenceError) as error:
        raise ModelError(f"the model in {directory} cannot be used: {error}") from error


def _checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"a part of the model is missing: {error}. Train again or restore it.") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(f"{path} is damaged or edited: its SHA-256 is not the manifest's. Train again.")
    return content
