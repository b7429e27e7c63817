"""Stage guard: as long as something is wrong for the customer, whole classes of actions are held.

A guard over records looks at each one as it was while it lasted: a ticket that has been closed is judged as
an open one, and then its end decides whether the hold has decayed. So `when` says what kind of cause it is
and `ended` says when it was over, and `ticket.open` may stand in `when` all the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from nextbest_rules.bitmask import mask_where
from nextbest_rules.catalog import Action, Catalog
from nextbest_rules.cel import Expression, Kind, Mention, Timestamp
from nextbest_rules.dates import iso
from nextbest_rules.durations import show_duration
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.observation import observed, wanted
from nextbest_rules.policies import Guard, GuardScope
from nextbest_rules.records import Event, Purchase, Ticket
from nextbest_rules.selection import mask_of
from nextbest_rules.sight import Function, Layout, Slots, View
from nextbest_rules.terms import Stage, UnknownMode

Cause = Ticket | Purchase | Event
ELEMENTS = {"tickets": "ticket", "purchases": "purchase", "events": "event"}


@dataclass(frozen=True, slots=True)
class Boost:
    """What a guard brings forward: the actions, the factor on their priority, whether they go to the top."""

    rule_id: str
    mask: int
    lever: float
    pin: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What a guard holds for one of its causes, until when if time alone ends it, and what it saw."""

    mask: int
    until_ms: int | None
    actual: str


class _Phase(Enum):
    LASTING = 1
    DECAYING = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class _Judgement:
    phase: _Phase
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A guard, its functions over the slots, and the actions about each product or category, or nothing."""

    guard: Guard
    condition: Expression
    wanted: str
    hold: int
    promote: tuple[Boost, ...]
    about: Mapping[str, Mapping[str, int]]
    aimless: int
    when: Function
    ended: Function | None
    element: int | None

    def judge(self, slots: Slots, now_ms: int, record: Cause | None = None) -> _Judgement | None:
        """Return what becomes of the guard for the customer, or for one record; None if it is at rest."""
        when = self.when(self._lasting(slots, record))
        ended_ms = self._ended_ms(self._actual(slots, record))
        if record is None and when is not False:
            # Without records `when` is about now: an end that stands beside it is that of an earlier cause.
            return _Judgement(_Phase.LASTING if when is True else _Phase.UNKNOWN)
        if ended_ms is not None and now_ms >= ended_ms + self.guard.decay_ms:
            return None
        if when is not True and when is not False:
            return _Judgement(_Phase.UNKNOWN, ended_ms)
        if ended_ms is None or now_ms < ended_ms:
            return _Judgement(_Phase.LASTING, ended_ms) if when else None
        return _Judgement(_Phase.DECAYING, ended_ms) if when or record is None else None

    def _lasting(self, slots: Slots, record: Cause | None) -> Slots:
        if record is None or self.ended is None:
            return self._actual(slots, record)
        return self._actual(slots, _while_it_lasted(record))

    def _actual(self, slots: Slots, record: Cause | None) -> Slots:
        if self.element is not None:
            slots[self.element] = record
        return slots

    def _ended_ms(self, slots: Slots) -> int | None:
        """Return when the cause ended; one whose end cannot be told still lasts."""
        ended = None if self.ended is None else self.ended(slots)
        return ended // 1_000_000 if isinstance(ended, Timestamp) else None

    def scoped(self, mask: int, record: Cause | None) -> int:
        """Return the actions of a mask that a cause is about; one that names nothing is about all."""
        if record is None or self.guard.scope is GuardScope.OVERALL:
            return mask
        products, categories = _subject(record)
        if not products and not categories:
            return mask
        about = 0
        for kind, names in (("products", products), ("categories", categories)):
            for name in names:
                about |= self.about[kind].get(name, 0)
        return mask & about


@dataclass(frozen=True, slots=True)
class GuardStage:
    """All guards of a catalog."""

    _guards: tuple[_Compiled, ...]
    _promoting: tuple[_Compiled, ...]

    @classmethod
    def of(cls, catalog: Catalog, layout: Layout) -> "GuardStage":
        """Compile the guards of a catalog."""
        about = {
            "products": _index(catalog, lambda action: action.about.products),
            "categories": _index(catalog, lambda action: action.about.categories),
        }
        guards = tuple(_compile(guard, catalog, layout, about) for guard in catalog.policies.guards)
        return cls(guards, tuple(compiled for compiled in guards if compiled.promote))

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._guards

    def screen(self, live: int, view: View) -> int:
        """Return what no guard holds."""
        for compiled in self._guards:
            if live & compiled.hold:
                for held in _held(compiled, view, explain=False):
                    live &= ~held.mask
        return live

    def boosts(self, view: View) -> tuple[Boost, ...]:
        """Return what the guards bring forward while causes last: once, however many there are."""
        if not self._promoting:
            return ()
        return tuple(boost for compiled in self._promoting for boost in _boosts(compiled, view))

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        for compiled in self._guards:
            guard = compiled.guard
            # Of several causes the one that holds longest explains best.
            causes = sorted(
                _held(compiled, view, explain=True),
                key=lambda held: (held.until_ms is None, held.until_ms or 0),
                reverse=True,
            )
            for held in causes:
                required = f"not ({compiled.wanted})"
                if guard.decay_ms:
                    required += f", or ended {show_duration(guard.decay_ms)} ago"
                yield stop(
                    Stage.GUARD,
                    held.mask,
                    Finding(guard.id, guard.reason, held.actual, required, held.until_ms),
                )


def _boosts(compiled: _Compiled, view: View) -> Iterator[Boost]:
    now_ms = view.situation.now_ms
    lasting = [
        record
        for record in _records(compiled, view) or ()
        if (judgement := compiled.judge(view.slots, now_ms, record)) is not None
        and judgement.phase is _Phase.LASTING
    ]
    for boost in compiled.promote if lasting else ():
        mask = 0
        for record in lasting:
            mask |= compiled.scoped(boost.mask, record) | boost.mask & compiled.aimless
        yield replace(boost, mask=mask)


def _compile(
    guard: Guard, catalog: Catalog, layout: Layout, about: Mapping[str, Mapping[str, int]]
) -> _Compiled:
    name = ELEMENTS.get(guard.over)
    condition = layout.expressions.condition(guard.when, name)
    ended = None if guard.ended is None else layout.expressions.instant(guard.ended, name)
    when = layout.function(condition)
    return _Compiled(
        guard=guard,
        condition=condition,
        wanted=wanted(guard.when, catalog),
        hold=0 if guard.hold is None else mask_of(guard.hold, catalog),
        promote=tuple(
            Boost(guard.id, mask_of(item.applies_to, catalog), item.lever, item.pin) for item in guard.promote
        ),
        about=about,
        aimless=mask_where(
            catalog.actions, lambda action: not action.about.products and not action.about.categories
        ),
        when=when,
        ended=None if ended is None else layout.function(ended, Kind.TIMESTAMP),
        element=None if name is None else layout.slot(Mention(name, "")),
    )


def _index(catalog: Catalog, names: Callable[[Action], frozenset[str]]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for bit, action in enumerate(catalog.actions):
        for name in names(action):
            found[name] = found.get(name, 0) | 1 << bit
    return found


def _records(compiled: _Compiled, view: View) -> tuple[Cause | None, ...] | None:
    """Return what a guard looks at in turn; None if that cannot be read."""
    over = compiled.guard.over
    if not over:
        return (None,)
    records: tuple[Cause | None, ...] | None = getattr(view.situation, over)
    return records


def _held(compiled: _Compiled, view: View, *, explain: bool) -> Iterator[Held]:
    now_ms, guard = view.situation.now_ms, compiled.guard
    records = _records(compiled, view)
    if records is None:
        if guard.when_unknown is UnknownMode.DENY:
            yield Held(compiled.hold, None, f"the {guard.over} cannot be read")
        return
    for record in records:
        judgement = compiled.judge(view.slots, now_ms, record)
        if judgement is None:
            continue
        if judgement.phase is _Phase.UNKNOWN and guard.when_unknown is UnknownMode.ALLOW:
            continue
        until_ms = None if judgement.ended_ms is None else judgement.ended_ms + guard.decay_ms
        actual = _actual(compiled, view, record, judgement) if explain else ""
        yield Held(compiled.scoped(compiled.hold, record), until_ms, actual)


def _actual(compiled: _Compiled, view: View, record: Cause | None, judgement: _Judgement) -> str:
    texts = [observed(compiled.condition, view, record=record)]
    if judgement.ended_ms is not None:
        texts.append(f"ended at {iso(judgement.ended_ms)}")
    if judgement.phase is _Phase.UNKNOWN:
        texts.append("cannot be evaluated")
    return "; ".join(text for text in texts if text)


def _while_it_lasted(record: Cause) -> Cause:
    if isinstance(record, Ticket):
        return record if record.closed_at_ms is None else record._replace(closed_at_ms=None)
    return record if record.ended_at_ms is None else record._replace(ended_at_ms=None)


def _subject(record: Cause) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if isinstance(record, Purchase):
        return _known(record.product), _known(record.category)
    return record.products, record.categories


def _known(name: str) -> tuple[str, ...]:
    return (name,) if name else ()
