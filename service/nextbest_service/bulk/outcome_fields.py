"""The fields of a row of outcomes: of our own propositions by their token, of others' contacts by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from nextbest.v1 import outcome_pb2
from nextbest_rules import Catalog
from nextbest_rules.loading.suggestions import suggestion
from nextbest_rules.records import Outcome
from nextbest_service.api.read_outcome import OUTCOME_TYPES
from nextbest_service.api.write_value import write_value
from nextbest_service.bulk.cells import CellError, number_of, text_of
from nextbest_service.bulk.identities import identity_names, identity_put, is_identity
from nextbest_service.bulk.layouts import Put

_PREFIX, _PROPERTY = "OUTCOME_TYPE_", "properties."
_OF_OUTCOME = ("id", "source", "token")


@dataclass(slots=True)
class OutcomeRow:
    """An outcome, and, where its token does not tell, whom it is about and what they were offered.

    `decision` is any id that outcomes of the same contact share.
    """

    outcome: outcome_pb2.Outcome = field(default_factory=outcome_pb2.Outcome)
    identities: list[tuple[str, str]] = field(default_factory=list)
    action: str = ""
    channel: str = ""
    brand: str = ""
    decision: str = ""


class OutcomeFields:
    """Where the cells of a row of outcomes go."""

    message = OutcomeRow
    first: tuple[str, ...] = ()
    needed: tuple[str, ...] = ("id", "source", "type")
    line = ""

    def __init__(self, catalog: Catalog, time_of: Callable[[object], int]) -> None:
        self._catalog = catalog
        self._time_of = time_of
        self._own: dict[str, Put[OutcomeRow]] = {
            "type": _put_type,
            "time": self._put_time,
            "amount": _put_amount,
            "action_id": self._declared("action", catalog.index),
            "channel": self._declared("channel", catalog.channels),
            "brand": self._declared("brand", catalog.brands),
            "decision_id": _put_decision,
        }

    def tells_whom(self, name: str) -> bool:
        """Tell whether a field says whom, or what, a row is about."""
        return name == "token" or is_identity(name, self._catalog)

    def put(self, name: str) -> Put[OutcomeRow] | None:
        """Return what puts a cell into a field, None where there is no such field."""
        if name in _OF_OUTCOME:
            return _text(name)
        if name.startswith(_PROPERTY):
            return _property(name.removeprefix(_PROPERTY))
        return self._own.get(name) or identity_put(name, self._catalog)

    def names(self) -> Iterable[str]:
        """Return the names of fields, for suggestions."""
        return (*_OF_OUTCOME, *self._own, *identity_names(self._catalog))

    def _put_time(self, row: OutcomeRow, cell: object) -> None:
        row.outcome.time_unix_ms = self._time_of(cell)

    def _declared(self, part: str, known: Iterable[str]) -> Put[OutcomeRow]:
        names = frozenset(known)

        def put(row: OutcomeRow, cell: object) -> None:
            name = text_of(cell)
            if name not in names:
                raise CellError(f"the catalog has no such {part}{suggestion(name, names)}")
            setattr(row, part, name)

        return put


def _text(name: str) -> Put[OutcomeRow]:
    def put(row: OutcomeRow, cell: object) -> None:
        setattr(row.outcome, name, text_of(cell))

    return put


def _put_type(row: OutcomeRow, cell: object) -> None:
    name = text_of(cell).strip().upper().removeprefix(_PREFIX)
    if name not in Outcome.__members__:
        raise CellError("expected an outcome such as displayed or accepted")
    row.outcome.type = OUTCOME_TYPES[Outcome[name]]


def _put_amount(row: OutcomeRow, cell: object) -> None:
    row.outcome.amount = number_of(cell)


def _put_decision(row: OutcomeRow, cell: object) -> None:
    row.decision = text_of(cell)


def _property(name: str) -> Put[OutcomeRow]:
    def put(row: OutcomeRow, cell: Any) -> None:  # noqa: ANN401 - whatever a file holds
        write_value(cell, row.outcome.properties[name])

    return put
