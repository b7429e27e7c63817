"""From rows to events: columns and mappings, lines that belong together, faults by field."""

from collections.abc import Mapping as MappingType
from collections.abc import Sequence

import pytest

from nextbest_rules import load_catalog
from nextbest_service.bulk.entries import MAX_LINES, Entry, entries_of, events_of
from nextbest_service.bulk.event_drafts import EventDraft
from nextbest_service.bulk.kinds import Kind, fields_of
from nextbest_service.bulk.layouts import ColumnError, Layouts
from nextbest_service.bulk.mapping import Mapping
from nextbest_service.bulk.profile_fields import ProfileRow
from nextbest_service.bulk.sources import Row
from nextbest_service.catalogs import find_catalog

CATALOG = load_catalog(find_catalog("grocery"))
BANK = load_catalog(find_catalog("bank"))
PLAIN = Mapping()
ORDER = ("id", "source", "type", "time", "customer", "item.product_id", "item.amount", "item.quantity")


def everything(_whom: str) -> bool:
    return True


def layouts(kind: Kind = Kind.EVENTS, mapping: Mapping = PLAIN, catalog: object = CATALOG) -> Layouts:
    return Layouts(fields_of(kind, catalog, mapping.reads_time()), mapping)


def rows_of(columns: Sequence[str], *cells: Sequence[object]) -> list[Row]:
    return [Row(line, line, tuple(columns), row) for line, row in enumerate(cells, start=2)]


def events(*cells: Sequence[object], columns: Sequence[str] = ORDER) -> list[Entry[EventDraft]]:
    return [*events_of(rows_of(columns, *cells), layouts(), everything)]


def one(
    kind: Kind, told: MappingType[str, object], mapping: Mapping = PLAIN, catalog: object = CATALOG
) -> object:
    (entry,) = entries_of(rows_of([*told], [*told.values()]), layouts(kind, mapping, catalog), everything)
    if entry.fault is not None:
        raise entry.fault
    return entry.message


def order(id_: str, product: str, amount: str = "1", customer: str = "7") -> list[str]:
    return [id_, "shop", "order.placed", "1000", customer, product, amount, ""]


def test_neighbours_with_the_same_id_are_lines_of_one_event() -> None:
    first, second = events(order("a", "tea"), order("a", "milk"), order("b", "tea"))
    assert first.message is not None
    assert [(item.product, item.amount, item.quantity) for item in first.message.items] == [
        ("tea", 1.0, None),
        ("milk", 1.0, None),
    ]
    assert (len(first.rows), len(second.rows), first.rows[0].line, second.rows[0].line) == (2, 1, 2, 4)


def test_rows_that_differ_in_more_than_their_line_are_events_of_their_own() -> None:
    found = events(order("a", "tea"), order("a", "tea", customer="8"), order("", "tea"), order("", "tea"))
    assert [len(entry.rows) for entry in found] == [1, 1, 1, 1]


def test_equal_lines_are_two_lines() -> None:
    (entry,) = events(order("a", "tea"), order("a", "tea"))
    assert entry.message is not None
    assert len(entry.message.items) == 2


def test_an_event_has_no_more_lines_than_the_contract_allows() -> None:
    found = events(*[order("a", "tea")] * (MAX_LINES + 1))
    assert [len(entry.rows) for entry in found] == [MAX_LINES, 1]


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_broken_line_refuses_its_whole_event_and_no_other(broken: int) -> None:
    lines = [order("a", "tea", "x" if line == broken else "1") for line in range(3)]
    first, second = events(*lines, order("b", "tea"))
    assert first.fault is not None
    assert (first.fault.field, len(first.rows)) == ("item.amount", 3)
    assert (second.fault, len(second.rows)) == (None, 1)


def test_rows_without_lines_are_never_joined() -> None:
    columns = ("id", "source", "type", "time", "customer")
    assert len(events(*[["a", "shop", "coupon.redeemed", "1", "7"]] * 2, columns=columns)) == 2


def test_a_mapping_renames_columns_leaves_some_out_and_adds_constants() -> None:
    mapping = Mapping({"NR": "id", "WHO": "identities.customer", "JUNK": None}, {"type": "order.placed"})
    draft = one(Kind.EVENTS, {"NR": 7, "WHO": "7", "JUNK": object(), "source": "shop"}, mapping)
    assert draft == EventDraft("7", "shop", "order.placed", identities=[("customer", "7")])


def test_a_cell_of_a_column_wins_over_a_constant_but_an_empty_one_does_not() -> None:
    mapping = Mapping(constants={"source": "shop"})
    assert one(Kind.EVENTS, {"source": "web"}, mapping) == EventDraft(source="web")
    assert one(Kind.EVENTS, {"source": ""}, mapping) == EventDraft(source="shop")


def test_an_answer_has_the_type_of_the_fact_it_is_about_wherever_its_column_stands() -> None:
    fact = next(name for name, it in BANK.facts.declarations.items() if it.type.value == "int")
    told = {"properties.answer": "7", "subject": fact, "type": "question.answered"}
    draft = one(Kind.EVENTS, told, catalog=BANK)
    assert isinstance(draft, EventDraft)
    assert draft.properties == {"answer": 7}


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({"customer": "7"}, [("customer", "7")]),
        ({"identities.device": 7}, [("device", "7")]),
        ({"identity": "cookie:a:b"}, [("cookie", "a:b")]),
        (
            {"identities": ["customer:7", {"namespace": "cookie", "id": "c"}]},
            [("customer", "7"), ("cookie", "c")],
        ),
        ({"identities": '["customer:7"]'}, [("customer", "7")]),
    ],
)
def test_a_person_is_named_by_columns_texts_or_objects(
    told: dict[str, object], names: list[tuple[str, str]]
) -> None:
    draft = one(Kind.EVENTS, told)
    assert isinstance(draft, EventDraft)
    assert draft.identities == names


@pytest.mark.parametrize(
    ("kind", "told", "field", "description"),
    [
        (Kind.EVENTS, {"tme": "1"}, "tme", "no such field; did you mean 'time'?"),
        (Kind.EVENTS, {"identity": "7"}, "identity", "expected namespace:id"),
        (Kind.EVENTS, {"identities": "7"}, "identities", "expected a list"),
        (Kind.EVENTS, {"items": [{"sku": 1}]}, "items", "an item has"),
        (Kind.EVENTS, {"items": "{"}, "items", "expected JSON"),
        (Kind.PROFILES, {"agge": "1"}, "agge", "no such field; did you mean 'age'?"),
        (
            Kind.PROFILES,
            {"consents.email.marketing": "maybe"},
            "consents.email.marketing",
            "expected true or false",
        ),
        (Kind.PROFILES, {"consents": [{"chanel": ""}]}, "consents", "a consent has"),
        (Kind.OUTCOMES, {"type": "lost"}, "type", "expected an outcome such as"),
        (Kind.OUTCOMES, {"action_id": "nothing"}, "action_id", "the catalog has no such action"),
        (Kind.PRODUCTS, {"product_id": "x" * 65}, "product_id", "1 to 64 bytes"),
    ],
)
def test_a_fault_names_its_field(kind: Kind, told: dict[str, object], field: str, description: str) -> None:
    with pytest.raises(ColumnError) as caught:
        one(kind, told)
    assert caught.value.field == field
    assert caught.value.description.startswith(description)


def test_profiles_take_attributes_features_and_consents() -> None:
    row = one(
        Kind.PROFILES,
        {
            "customer": "7",
            "as_of": "2026-03-01",
            "age": "35-44",
            "consents.email.*": "yes",
            "consents.*.marketing": "denied",
        },
    )
    assert isinstance(row, ProfileRow)
    profile = row.message()
    assert (profile.identities[0].id, profile.as_of_unix_ms) == ("7", 1_772_323_200_000)
    assert profile.attributes["age"].string_value == "35-44"
    assert [(it.channel, it.purpose, it.state) for it in profile.consents] == [
        ("email", "", 1),
        ("", "marketing", 2),
    ]


def test_a_file_must_have_the_columns_that_every_row_needs() -> None:
    assert [(it.field, it.description) for it in layouts().faults(("id", "tipe", "time", "source"))] == [
        ("tipe", "no such field; did you mean 'type'?"),
        ("type", "no column holds this field"),
    ]
    constants = Mapping(constants={"type": "order.placed", "source": "shop"})
    assert not layouts(mapping=constants).faults(("id", "time"))


def test_what_others_take_is_not_read_but_its_place_is_known() -> None:
    rows = rows_of(
        ORDER,
        order("a", "tea"),
        order("b", "x", "junk", "8"),
        order("b", "y", "junk", "8"),
        order("c", "tea"),
    )
    found = [*events_of(rows, layouts(), lambda whom: whom == "7")]
    assert [(entry.is_mine, entry.rows[-1].line) for entry in found] == [(True, 2), (False, 4), (True, 5)]
