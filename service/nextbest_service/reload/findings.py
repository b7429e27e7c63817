"""What is wrong with what was to be loaded, in which part and where."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from nextbest_rules import CatalogError, Diagnostic


class Part(StrEnum):
    """What is loaded together, and what else a server depends on."""

    STORE = "store"
    CATALOG = "catalog"
    MODEL = "model"
    CERTIFICATES = "certificates"
    CALLERS = "callers"
    DECISION_LOG = "decision_log"


class Finding(NamedTuple):
    """One problem with its place. `line` and `column` count from 1, 0 is none; `file` may be empty.

    A warning can be loaded, but is hardly meant.
    """

    part: Part
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.file else ""
        return f"{place}{self.message}"


class RefusedError(Exception):
    """What was to be loaded must not be served. Carries everything found."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(map(str, self.findings)))


def of_catalog(error: CatalogError) -> tuple[Finding, ...]:
    """Return the faults of a catalog."""
    return tuple(map(of_diagnostic, error.diagnostics))


def of_diagnostic(found: Diagnostic) -> Finding:
    """Return a fault of a file as a finding."""
    return Finding(Part.CATALOG, found.message, found.file, found.line, found.column)


def of_features(problems: Iterable[str]) -> tuple[Finding, ...]:
    """Return what the models do not understand of features.yaml."""
    return tuple(Finding(Part.CATALOG, problem, "features.yaml", 1, 1) for problem in problems)


def errors_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return what makes loading impossible."""
    return tuple(finding for finding in findings if not finding.warning)


def summary(findings: Sequence[Finding]) -> str:
    """Return the first finding, and how many more there are."""
    more = len(findings) - 1
    return f"{findings[0]}{f' (and {more} more)' if more else ''}" if findings else ""
