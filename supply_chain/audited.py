"""Judges the report of pip-audit, which calls packages sound that it could not look up.

`python -m supply_chain.audited dist/audit.json` ends with exit code 0 where all packages were looked up and
nothing is known against them, 1 where something is, and 3 where not all could be looked up.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

SOUND, VULNERABLE, NOT_AUDITED = 0, 1, 3
OWN = "nextbest"
"""Is looked up nowhere."""


class Verdict(NamedTuple):
    """What to print, and the exit code."""

    exit_code: int
    lines: tuple[str, ...]


def judged(report: Mapping[str, Any] | None) -> Verdict:
    """Return what a report means; None where there is none."""
    if report is None:
        return Verdict(NOT_AUDITED, ("nothing was audited: the database of vulnerabilities did not answer",))
    packages = [it for it in report["dependencies"] if it["name"] != OWN]
    known = tuple(
        f"{it['name']} {it['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for it in packages
        for found in it.get("vulns", ())
    )
    if known:
        return Verdict(VULNERABLE, known)
    skipped = [it["name"] for it in packages if "skip_reason" in it]
    if skipped or not packages:
        few = f"{len(skipped)} of {len(packages)} packages could not be looked up"
        return Verdict(NOT_AUDITED, (f"not audited: {few}: {', '.join(skipped[:5])} …",))
    return Verdict(SOUND, (f"nothing is known against {len(packages)} packages",))


def main(path: Path) -> int:
    """Print the verdict on a report, and return the exit code."""
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError):
        report = None
    verdict = judged(report)
    print(*verdict.lines, sep="\n")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
