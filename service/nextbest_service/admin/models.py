"""The models of a running service: which there are, and putting one of them into use."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from nextbest_models.artifact import check_files
from nextbest_models.ranker import ModelError
from nextbest_rules.assignment import CHAMPION
from nextbest_rules.catalog import Experimentation
from nextbest_service.admin.refusals import InvalidModelError, NoPreviousModelError, UnknownModelError
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.home import Home
from nextbest_service.model_versions import ListedModel, list_models, version_directories
from nextbest_service.models_in_use import History, ModelUseError
from nextbest_service.reload.findings import errors_of, summary
from nextbest_service.reload.proving import Question
from nextbest_service.reload.reloader import Reloader
from nextbest_service.reload.results import Outcome, Reload, Target

MOST_LISTED = 100
OTHER_FEATURES = "it was trained for other features than the catalog has"


class State(StrEnum):
    """What a model does."""

    SERVING = "serving"
    CHALLENGER = "challenger"
    SHADOW = "shadow"
    PREVIOUS = "previous"
    AVAILABLE = "available"
    INVALID = "invalid"


class KnownModel(NamedTuple):
    """A model version with what it does, and why it cannot be used (empty: it can)."""

    listed: ListedModel
    state: State
    problem: str


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one process, and `told`, which makes other workers load anew."""

    reloader: Reloader
    home: Home
    told: Callable[[], None]
    pinned: bool
    """Whether the champion was named at the start, so that no other can be put into its place."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def known(self) -> Sequence[KnownModel]:
        """Return the models, newest first."""
        return await asyncio.to_thread(self._known)

    async def promote(self, version: str) -> str:
        """Put a version into use as the champion, and return which was before; empty: none was.

        Raises:
            UnknownModelError: there is no such version.
            InvalidModelError: it fails its checks.
            StoreUnavailableError: the store did not answer; the model comes into use once it does.
        """
        async with self._turn:
            await asyncio.to_thread(self._check, version)
            before = self._history().in_use.get(CHAMPION, "")
            changed = before != version
            if changed:
                self.home.use_model(self._catalog, version)
            await self._brought_into_use(undo=changed)
            return before

    async def roll_back(self) -> str:
        """Put back into use what was before, and return which version was taken out; empty: none was in use.

        Raises:
            NoPreviousModelError: nothing was in use before.
            InvalidModelError: what was before fails its checks.
            StoreUnavailableError: the store did not answer; the model comes into use once it does.
        """
        async with self._turn:
            history = self._history()
            try:
                before = history.before(CHAMPION)
            except ModelUseError as error:
                raise NoPreviousModelError from error
            await asyncio.to_thread(self._check, before)
            self.home.roll_back_model(self._catalog)
            await self._brought_into_use(undo=False)
            return history.in_use.get(CHAMPION, "")

    @property
    def _catalog(self) -> str:
        return self.reloader.generation.catalog.name

    def _history(self) -> History:
        try:
            return self.home.model_history(self._catalog)
        except ModelUseError as error:
            raise InvalidModelError("the history of the models in use is damaged; see the log") from error

    def _check(self, version: str | None) -> None:
        """Have a version proved by another process. Blocking."""
        if self.pinned:
            raise InvalidModelError("this server was started with a model of its own (--model)")
        if version is None:
            return  # no model at all: nothing to check
        names = {path.name: path for path in version_directories(self.home, self._catalog)}
        if version not in names:
            raise UnknownModelError
        served = self.reloader.served
        if served is None:
            raise InvalidModelError("nothing is known yet of what serves; try again shortly")
        canary = self.reloader.workshop.canary
        question = Question(served.catalog, {CHAMPION: names[version]}, False, canary.timeout_seconds)
        problems = errors_of(canary.findings(question))
        if not problems and check_files(names[version]) != version:
            raise InvalidModelError("the directory holds another version than its name says")
        if problems:
            raise InvalidModelError(without_directories(summary(problems), self.home))

    async def _brought_into_use(self, *, undo: bool) -> None:
        found = await self.reloader.reload("promotion", [Target.MODEL])
        if found.outcome is Outcome.REFUSED:
            if undo:
                self.home.roll_back_model(self._catalog)
            raise InvalidModelError(without_directories(_why(found), self.home))
        self.told()
        if found.outcome is Outcome.POSTPONED:
            raise StoreUnavailableError("the store did not answer; the model comes into use once it does")

    def _known(self) -> Sequence[KnownModel]:
        generation = self.reloader.generation
        try:
            listed = list_models(self.home, generation.catalog.name, generation.spec)[:MOST_LISTED]
            history = self.home.model_history(generation.catalog.name)
        except ModelUseError as error:
            raise InvalidModelError("the history of the models in use is damaged; see the log") from error
        previous, serving = _previous(history), generation.versions.model
        return [self._state(model, generation.catalog.experimentation, serving, previous) for model in listed]

    def _state(
        self, model: ListedModel, tried: Experimentation, serving: str, previous: str | None
    ) -> KnownModel:
        problem = model.problem or ("" if model.fits else OTHER_FEATURES) or self._damage(model.version)
        if model.version == serving:
            return KnownModel(model, State.SERVING, "")
        if problem:
            return KnownModel(model, State.INVALID, without_directories(problem, self.home))
        return KnownModel(model, _state(model, tried, previous), "")

    def _damage(self, version: str) -> str:
        try:
            check_files(self.home.models(self._catalog) / version)
        except ModelError as error:
            return str(error)
        return ""


def without_directories(message: str, home: Home) -> str:
    """Return a message that does not tell where the server keeps its files."""
    return message.replace(f"{home.root}/", "")


def _state(model: ListedModel, tried: Experimentation, previous: str | None) -> State:
    arms = {arm.ranker for experiment in tried.experiments for arm in experiment.arms}
    shadows = {shadow.ranker for shadow in tried.shadows}
    states: Mapping[State, bool] = {
        State.CHALLENGER: bool(arms & {*model.in_use}),
        State.SHADOW: bool(shadows & {*model.in_use}),
        State.PREVIOUS: model.version == previous,
        State.AVAILABLE: True,
    }
    return next(state for state, holds in states.items() if holds)


def _previous(history: History) -> str | None:
    try:
        return history.before(CHAMPION)
    except ModelUseError:
        return None


def _why(found: Reload) -> str:
    return summary(errors_of(found.findings))
