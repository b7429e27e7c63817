"""The soak stands on what the fault matrix knows of callers."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "matrix"))
