"""What a process of its own finds out about a snapshot before anybody serves it."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from nextbest_models.features import FeatureSpecError
from nextbest_rules import Catalog, CatalogError, RuleSet, load_catalog
from nextbest_rules.assignment import CHAMPION, STATIC
from nextbest_service.reload.findings import Finding, Part, of_catalog, of_features

_NICENESS = 10
_GRACE_SECONDS = 5
"""Whoever asked kills the process in time; it ends itself so much later where nobody is left to do so."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to prove: a catalog and models by name.

    The models named in `proved` need not be loaded again, if the catalog has the features of `spec_digest`.
    """

    catalog: Path
    models: Mapping[str, Path]
    with_warnings: bool
    timeout_seconds: float
    proved: tuple[str, ...] = ()
    spec_digest: str = ""

    def to_json(self) -> bytes:
        """Return the question as JSON."""
        plain = asdict(self)
        paths = {"catalog": str(self.catalog), "models": {name: str(it) for name, it in self.models.items()}}
        return json.dumps({**plain, **paths}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return the question."""
        plain: Any = json.loads(text)
        models = {name: Path(path) for name, path in plain["models"].items()}
        paths = {"catalog": Path(plain["catalog"]), "models": models, "proved": tuple(plain["proved"])}
        return cls(**{**plain, **paths})


def write_findings(findings: Sequence[Finding]) -> bytes:
    """Return findings as JSON."""
    return json.dumps([*map(Finding._asdict, findings)]).encode()


def read_findings(text: bytes) -> tuple[Finding, ...]:
    """Return findings from JSON.

    Raises:
        ValueError: they are none.
    """
    try:
        return tuple(Finding(**{**plain, "part": Part(plain["part"])}) for plain in json.loads(text))
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError("no findings") from error


def answer() -> None:
    """Answer the question on standard input: with findings on what was standard output."""
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # LightGBM talks
    os.nice(_NICENESS)
    question = Question.from_json(sys.stdin.buffer.read())
    signal.alarm(int(question.timeout_seconds) + _GRACE_SECONDS)
    with os.fdopen(answers, "wb") as out:
        out.write(write_findings(prove(question)))


def prove(question: Question) -> tuple[Finding, ...]:
    """Return everything wrong with a catalog and models, and what is hardly meant."""
    try:
        catalog = load_catalog(question.catalog)
    except CatalogError as error:
        return of_catalog(error)
    RuleSet.compile(catalog)
    errors = _of_models(catalog, question)
    return (*errors, *(_warnings(catalog, question.catalog) if question.with_warnings else ()))


def _of_models(catalog: Catalog, question: Question) -> tuple[Finding, ...]:
    """Load every model as a service does: by its hash, then its features, then its golden scores."""
    from nextbest_models.lean import import_lightgbm  # noqa: PLC0415 - slow, and broken catalogs need none of it

    import_lightgbm()
    from nextbest_models.artifact import load  # noqa: PLC0415
    from nextbest_models.ranker import ModelError  # noqa: PLC0415
    from nextbest_service.decisions.generation import feature_spec  # noqa: PLC0415

    try:
        spec = feature_spec(catalog)
    except FeatureSpecError as error:
        return of_features(error.problems)
    used = {CHAMPION, *catalog.experimentation.rankers} - {STATIC}
    proved = question.proved if spec.digest == question.spec_digest else ()
    found = []
    for name in sorted(used & question.models.keys() - {*proved}):
        try:
            load(question.models[name], spec)
        except ModelError as error:
            found.append(Finding(Part.MODEL, str(error)))
    return tuple(found)


def _warnings(catalog: Catalog, directory: Path) -> Iterator[Finding]:
    from nextbest_rules.analysis import analyse, read_places  # noqa: PLC0415 - only where somebody asks

    now_ms = time.time_ns() // 1_000_000 if catalog.clock_ms is None else catalog.clock_ms
    for it in analyse(catalog, read_places(directory), now_ms):
        place = it.location
        yield Finding(Part.CATALOG, it.message, place.file, place.line, place.column, warning=True)
