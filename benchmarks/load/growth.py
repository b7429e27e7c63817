"""What `make growth` left behind, for the one file that README and docs quote from."""

import json
from pathlib import Path
from typing import Any

FILE = "growth.json"


def grown(directory: Path) -> Any:  # noqa: ANN401 - as that file has it
    """Return the growth curves that lie beside the results; None where they were never measured."""
    path = directory / FILE
    return json.loads(path.read_text()) if path.exists() else None
