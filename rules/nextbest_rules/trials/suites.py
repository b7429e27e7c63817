"""Suites of policy tests: read from the files beside a catalog, checked against it, ready to be asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nextbest_rules.catalog import Catalog
from nextbest_rules.diagnostics import CatalogError, Diagnostic
from nextbest_rules.loading.shape import read_document
from nextbest_rules.loading.sources import Source, read_source
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, Place, find
from nextbest_rules.terms import ActionType, Direction
from nextbest_rules.trials import suite_faults
from nextbest_rules.trials.documents import CustomerDocument, ExpectDocument, SuiteDocument, TestDocument
from nextbest_rules.trials.question import PlacementAsked, Question
from nextbest_rules.trials.requests import Asked, merged
from nextbest_rules.trials.state import CustomerState, read_state, read_values
from nextbest_rules.trials.state_documents import StateDocument

TESTS = "tests"


@dataclass(frozen=True, slots=True)
class Trial:
    """One test, resolved: what is asked, and what must come back. `root` is the tree of its file."""

    suite: str
    file: str
    name: str
    stories: tuple[str, ...]
    question: Question
    expect: ExpectDocument
    root: Node
    number: int

    def place(self, *path: str | int) -> Place:
        """Return where a part of the test stands in its file."""
        return find(self.root, ("tests", self.number, *path)).place


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file."""

    file: str
    title: str
    trials: tuple[Trial, ...]


def read_suites(directory: Path, catalog: Catalog) -> tuple[Suite, ...]:
    """Return the suites beside a catalog, in the order of their files.

    Raises:
        CatalogError: suites have faults; it carries all of them. A catalog without suites has none.
    """
    suites: list[Suite] = []
    faults = list(_foreign_files(directory))
    for file in _suite_files(directory):
        source = read_source(directory, file)
        read = _read_suite(source, catalog) if isinstance(source, Source) else [source]
        if isinstance(read, Suite):
            suites.append(read)
        else:
            faults.extend(read)
    if faults:
        raise CatalogError(faults)
    return tuple(suites)


def _suite_files(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in (directory / TESTS).glob("*.yaml"))


def _foreign_files(directory: Path) -> Iterator[Diagnostic]:
    """Report files that nothing would read: a test that never runs must not go unnoticed."""
    for path in sorted((directory / TESTS).glob("**/*.y*ml")):
        file = path.relative_to(directory).as_posix()
        if path.suffix != ".yaml" or path.parent != directory / TESTS:
            yield Diagnostic(file, 1, 1, "not a suite: suites are tests/*.yaml")


def _read_suite(source: Source, catalog: Catalog) -> Suite | list[Diagnostic]:
    root, faults = parse(source.text, source.file)
    if faults:
        return faults
    tree = root or MappingNode(Place(1, 1, 0), {}, {})
    document, wrong = read_document(SuiteDocument, tree, source.file)
    if document is None:
        return wrong
    found = [fault.located(tree, source.file) for fault in suite_faults.check(document, catalog)]
    return found or _suite(document, catalog, tree, source.file)


def _suite(document: SuiteDocument, catalog: Catalog, root: Node, file: str) -> Suite:
    clock_ms = document.now.at(0)
    trials = tuple(
        Trial(
            suite=document.suite,
            file=file,
            name=test.name,
            stories=tuple(document.stories if test.stories is None else test.stories),
            question=_question(
                document, test, catalog, clock_ms if test.now is None else test.now.at(clock_ms)
            ),
            expect=test.expect,
            root=root,
            number=number,
        )
        for number, test in enumerate(document.tests)
    )
    return Suite(file, document.suite, trials)


def _question(suite: SuiteDocument, test: TestDocument, catalog: Catalog, now_ms: int) -> Question:
    asked = merged(suite.request, test.request)
    return Question(
        now_ms=now_ms,
        customer=_customer(test.customer, suite.customers, catalog, now_ms),
        placements=_placements(asked, catalog),
        channel=asked.channel or "",
        direction=None if asked.direction is None else Direction(asked.direction),
        brand=asked.brand or "",
        goal=asked.goal or "",
        locale=asked.locale or "",
        context=read_values(asked.context or {}, catalog.context, now_ms),
        candidates=None if asked.candidates is None else tuple(asked.candidates),
        excluded=tuple(asked.excluded or ()),
        types=tuple(map(ActionType, asked.types or ())),
        killed=tuple(test.killed),
        volumes=test.volumes,
        arms=test.arms,
    )


def _placements(asked: Asked, catalog: Catalog) -> tuple[PlacementAsked, ...]:
    return tuple(PlacementAsked(catalog.placements[name], limit) for name, limit in asked.placements.items())


def _customer(
    document: CustomerDocument | None, named: Mapping[str, StateDocument], catalog: Catalog, now_ms: int
) -> CustomerState | None:
    return None if document is None else read_state(state_of(document, named), catalog, now_ms)


def state_of(document: CustomerDocument, named: Mapping[str, StateDocument]) -> StateDocument:
    """Return the state that a test means: its own parts, and those of the named customer it is like."""
    if document.like is None:
        return document
    own = {name: getattr(document, name) for name in document.model_fields_set - {"like"}}
    return named[document.like].model_copy(update=own)
