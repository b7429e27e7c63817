"""Makes what could serve next, beside what serves: copied, proved by a process, then built. Blocking."""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nextbest_models.artifact import read_manifest
from nextbest_models.features import FeatureSpecError
from nextbest_models.ranker import ModelError, Ranker
from nextbest_rules import CatalogError, load_catalog
from nextbest_rules.assignment import CHAMPION
from nextbest_rules.loading.loader import declared_name
from nextbest_rules.loading.sources import read_sources, version_of
from nextbest_service.composition import Known, LoadedParts, Serving, parts_of
from nextbest_service.decisions.generation import Generation
from nextbest_service.errors import StartupError
from nextbest_service.models_in_use import ModelUseError
from nextbest_service.reload.canary import Canary
from nextbest_service.reload.findings import (
    Finding,
    Part,
    RefusedError,
    errors_of,
    of_catalog,
    of_diagnostic,
    of_features,
)
from nextbest_service.reload.proving import Question
from nextbest_service.reload.results import Target
from nextbest_service.reload.shelf import Shelf
from nextbest_service.reload.snapshot import Snapshot, as_written, discard, same_model, take
from nextbest_service.reload.sources import Sources
from nextbest_service.yaml_files import BrokenFileError

BUILT_HERE = frozenset({Target.CATALOG, Target.MODEL})
_SWITCH_SECONDS = 0.0005
"""So long a thread that builds keeps the interpreter from those who answer; usually ten times that."""


class Candidate(NamedTuple):
    """What could serve next. `serving` is None where it was only checked."""

    snapshot: Snapshot
    serving: Serving | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where candidates are made. `build` brings loaded parts and the store together."""

    sources: Sources
    shelf: Shelf
    canary: Canary
    build: Callable[[LoadedParts], Serving]

    def candidate(
        self,
        generation: Generation,
        served: Snapshot | None,
        targets: Collection[Target],
        *,
        only_check: bool,
        with_warnings: bool,
    ) -> Candidate | None:
        """Return what could serve after `generation`, which came from `served`; None: that is the same.

        What is no target stays as it is served.

        Raises:
            RefusedError: it must not serve.
            redis.RedisError: the store did not answer.
        """
        with told_as_findings():
            catalog, models = self._wanted(generation.catalog.name, served, targets)
            snapshot = self._copied(catalog, models)
        try:
            if served is not None and snapshot.key == served.key:
                discard(snapshot)
                return None
            known = _known(generation, served, snapshot)
            question = Question(
                snapshot.catalog,
                snapshot.models,
                with_warnings,
                self.canary.timeout_seconds,
                tuple(sorted(known.rankers)),
                known.spec_digest,
            )
            found = self._proved(question)
            serving = None if only_check else self._built(snapshot, known)
        except RefusedError as error:
            discard(snapshot)
            raise RefusedError(_as_written(error.findings, snapshot, catalog, models)) from error
        except BaseException:
            discard(snapshot)
            raise
        if only_check:
            discard(snapshot)
        return Candidate(snapshot, serving, found)

    def copy_of(self, generation: Generation) -> Snapshot | None:
        """Return a copy of what a generation was loaded from; None where the files are others now."""
        try:
            with told_as_findings():
                snapshot = self._copied(*self._wanted(generation.catalog.name, None, BUILT_HERE))
        except RefusedError:
            return None
        if _is_of(snapshot, generation):
            return snapshot
        discard(snapshot)
        return None

    def _wanted(
        self, name: str, served: Snapshot | None, targets: Collection[Target]
    ) -> tuple[Path, Mapping[str, Path]]:
        """Return where the catalog and the models lie that are to be loaded."""
        if served is None and not {*targets} >= BUILT_HERE:
            raise StartupError("nothing is kept of what serves yet; reload all of it, or try again shortly")
        catalog = self.sources.directory() if served is None or Target.CATALOG in targets else served.catalog
        if served is not None and Target.MODEL not in targets:
            return catalog, served.models
        return catalog, self.sources.models(declared_name(catalog) or name)

    def _copied(self, catalog: Path, models: Mapping[str, Path]) -> Snapshot:
        draft = self.shelf.draft()
        try:
            return take(draft, catalog, models)
        except OSError:
            discard(Snapshot(draft, ""))
            raise

    def _proved(self, question: Question) -> tuple[Finding, ...]:
        """Return the warnings about what could serve."""
        found = self.canary.findings(question)
        if errors_of(found):
            raise RefusedError(found)
        return found

    def _built(self, snapshot: Snapshot, known: Known) -> Serving:
        with told_as_findings(), _letting_others_in():
            return self.build(parts_of(load_catalog(snapshot.catalog), snapshot.models, known))


def _is_of(snapshot: Snapshot, generation: Generation) -> bool:
    """Tell whether a generation was loaded from what a snapshot has."""
    if version_of(read_sources(snapshot.catalog)[0]) != generation.versions.catalog:
        return False
    used = {name: it.version for name, it in generation.rankings.items() if it.ranker is not None}
    named = {CHAMPION, *generation.catalog.experimentation.rankers}
    try:
        found = {name: read_manifest(it).version for name, it in snapshot.models.items() if name in named}
    except ModelError:
        return False
    return found == used


def _known(generation: Generation, served: Snapshot | None, snapshot: Snapshot) -> Known:
    """Return the models of a generation that are, byte for byte, those of a snapshot."""
    rankers = dict[str, Ranker]()
    for name, path in snapshot.models.items():
        ranking = generation.rankings.get(name)
        before = served.models.get(name) if served else None
        if ranking is not None and ranking.ranker is not None and before and same_model(before, path):
            rankers[name] = ranking.ranker
    return Known(generation.spec.digest, rankers)


@contextmanager
def told_as_findings() -> Iterator[None]:
    """Turn what can be wrong with files into findings."""
    try:
        yield
    except CatalogError as error:
        raise RefusedError(of_catalog(error)) from error
    except FeatureSpecError as error:
        raise RefusedError(of_features(error.problems)) from error
    except BrokenFileError as error:
        raise RefusedError(map(of_diagnostic, error.diagnostics)) from error
    except (ModelError, ModelUseError) as error:
        raise RefusedError([Finding(Part.MODEL, str(error))]) from error
    except (StartupError, OSError) as error:
        raise RefusedError([Finding(Part.CATALOG, str(error))]) from error


@contextmanager
def _letting_others_in() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _as_written(
    findings: tuple[Finding, ...], snapshot: Snapshot, catalog: Path, models: Mapping[str, Path]
) -> tuple[Finding, ...]:
    return tuple(it._replace(message=as_written(it.message, snapshot, catalog, models)) for it in findings)
