"""Write the action files of the grocery catalog: `python -m nextbest_models.complete_journey <directory>`."""

import sys
from pathlib import Path

from nextbest_models.complete_journey.catalog_files import render_action_files
from nextbest_models.complete_journey.journey import load_complete_journey


def main(directory: Path) -> None:
    """Write one file per campaign into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in render_action_files(load_complete_journey().offers).items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
