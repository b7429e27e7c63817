"""Files of customers: read whole, every fault with its line, nobody twice."""

from collections.abc import Callable
from pathlib import Path

import pytest
from corner_shop import NOW_MS, catalog

from nextbest_rules.records import Consent, Contact, Ticket
from nextbest_service.customer_files import (
    MAX_FAULTS,
    MAX_LINE_BYTES,
    MAX_YAML_BYTES,
    CustomerEntry,
    CustomerFileError,
    check_customers,
    read_customers,
    read_states,
)
from nextbest_service.store.keys import Identity

Write = Callable[[str, str | bytes], Path]
DAY_MS = 86_400_000
YAML = """
- identities: [customer:anna, COOKIE:c-7]
  facts: {age: 40, campaigns: [spring], member_since: -10d}
  features: {trips_91d: 9.0}
  consents: [{channel: email, granted: true, at: -30d}]
  tickets: [{id: T1, kind: complaint, opened_at: 2024-03-01T00:00:00Z}]
  contacts:
    - {action: credit, outcome: DISPLAYED, at: -3d, channel: web}
    - {action: credit, outcome: CLICKED, at: -1d, channel: web}
- identities: ["customer:ben:junior"]
"""


def entries_of(*paths: Path) -> list[CustomerEntry]:
    read = list(read_customers(paths, catalog(), NOW_MS, lambda _: None))
    assert all(isinstance(entry, CustomerEntry) for entry in read), read
    return read  # type: ignore[return-value]


def faults_of(*paths: Path) -> list[str]:
    with pytest.raises(CustomerFileError) as caught:
        check_customers(paths, catalog(), NOW_MS, lambda _: None)
    return [str(fault).replace(f"{paths[0].parent}/", "") for fault in caught.value.diagnostics]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a file and returns its path."""

    def write_file(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


def test_a_yaml_list_is_read_with_relative_times_counted_from_now(write: Write) -> None:
    anna, ben = entries_of(write("customers.yaml", YAML))
    assert anna.identities == (Identity("customer", "anna"), Identity("cookie", "c-7"))
    assert anna.state.facts["age"] == 40
    assert anna.state.facts["member_since"].timestamp() * 1000 == NOW_MS - 10 * DAY_MS
    assert (anna.state.features, anna.state.features_as_of_ms) == ({"trips_91d": 9.0}, NOW_MS)
    assert anna.state.consents == (Consent(True, NOW_MS - 30 * DAY_MS, "email"),)
    assert anna.state.tickets == (Ticket("T1", "complaint", opened_at_ms=1_709_251_200_000),)
    assert [contact.outcome for contact in anna.state.contacts] == ["CLICKED", "DISPLAYED"]
    assert anna.state.contacts[0][:4] == Contact("credit", "CLICKED", NOW_MS - DAY_MS, "web")[:4]
    assert (anna.place.line, ben.place.line) == (2, 10)
    assert ben.identities == (Identity("customer", "ben:junior"),)
    assert not ben.state.facts


def test_json_lines_are_read_line_by_line_and_empty_lines_are_passed_over(write: Write) -> None:
    lines = '{"identities": ["customer:1"], "facts": {"age": 40}}\n\n  \n{"identities": ["customer:2"]}'
    first, second = entries_of(write("customers.jsonl", lines))
    assert (first.state.facts, first.place.line) == ({"age": 40}, 1)
    assert (second.identities, second.place.line) == ((Identity("customer", "2"),), 4)


def test_the_bytes_read_are_reported(write: Write) -> None:
    read: list[int] = []
    paths = [write("a.yaml", YAML), write("b.ndjson", '{"identities": ["customer:1"]}\n' * 1)]
    assert check_customers(paths, catalog(), NOW_MS, read.append) == 3
    assert sum(read) == sum(path.stat().st_size for path in paths)


def test_every_fault_is_told_with_its_place(write: Write) -> None:
    broken = """
- identities: [customer:anna]
  facts: {agee: 40, debt: much}
  features: {trips: 1.0}
  consents: [{channel: emial, granted: true, at: -30d}]
  contacts: [{action: credti, outcome: DISPLAYED, at: -3d}]
- {identities: [customer:ben], contacts: [{action: credit, outcome: SEEN, at: 3d}]}
- identities: [anna, "1st:x", "customer:"]
  unreadable: [facts]
- facts: {}
- 7
"""
    lines = [
        '{"identities": ["customer:9"], "facts": {"age": "old"}}',
        '{"identities": []}',
        '{"identities": ["customer:8"], "facts": {"age": 1, "age": 2}}',
        '{"identities": ["customer:7"], "facts": {"debt": NaN}}',
        '{"identities": ["customer:6"]',
        '{"identities": ["customer:5"], "tickets": [{"id": "T1", "opened": "-1d"}]}',
    ]
    assert faults_of(write("a.yaml", broken), write("b.jsonl", "\n".join(lines))) == [
        "a.yaml:3:11: unknown fact 'agee'; did you mean 'age'?",
        "a.yaml:3:27: fact 'debt' is of type double",
        "a.yaml:4:14: unknown customer feature 'trips'; did you mean 'trips_91d'?",
        "a.yaml:5:24: unknown channel 'emial'; did you mean 'email'?",
        (
            "a.yaml:6:23: unknown action 'credti'; did you mean 'credit'?; "
            "give type, issue and group of an action that has left the catalog"
        ),
        (
            "a.yaml:7:69: expected 'DELIVERED', 'DISPLAYED', 'OPENED', 'CLICKED', 'ACCEPTED', "
            "'REJECTED', 'DISMISSED', 'CONVERTED', 'FAILED', 'WITHHELD', 'UNSUBSCRIBED' or 'RESERVED'"
        ),
        "a.yaml:7:79: '3d' is not a date-time like 2017-11-13T09:00:00Z",
        "a.yaml:8:16: expected namespace:id, such as customer:4711",
        "a.yaml:8:22: namespace: a letter, then at most 31 letters, digits or underscores",
        "a.yaml:8:31: id: 1 to 128 bytes",
        "a.yaml:9:15: only customers of policy tests have unreadable parts",
        "a.yaml:10:3: field 'identities' is missing",
        "a.yaml:11:3: expected a mapping, found the number 7",
        "b.jsonl:1:49: fact 'age' is of type int",
        "b.jsonl:2:16: must not be empty",
        "b.jsonl:3:1: not valid JSON: a key stands twice in one object",
        "b.jsonl:4:1: not valid JSON: NaN is not a value",
        "b.jsonl:5:1: not valid JSON: Expecting ',' delimiter",
        "b.jsonl:6:67: unknown field 'opened'; did you mean 'opened_at'?",
    ]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.yaml", "identities: [customer:1]\n", "a.yaml:1:1: expected a list of customers"),
        ("a.yaml", "", "a.yaml:1:1: expected a list of customers"),
        ("a.yaml", b"- identities: [customer:\xff]\n", "a.yaml:1:1: not UTF-8 text"),
        ("a.yaml", "- &a {identities: [customer:1]}\n", "a.yaml:1:3: anchors are not allowed: &a"),
        (
            "a.yaml",
            "#" * (MAX_YAML_BYTES + 1),
            "a.yaml:1:1: larger than 4 MiB; write JSON Lines (*.jsonl)",
        ),
        ("a.jsonl", b'{"identities": ["\xff"]}', "a.jsonl:1:1: not UTF-8 text"),
        ("a.jsonl", '{"identities": ["customer:\\ud800"]}', "a.jsonl:1:1: not UTF-8 text"),
        ("a.jsonl", "\n[" + " " * MAX_LINE_BYTES + "]", "a.jsonl:2:1: longer than 1 MiB"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1:1: nested too deeply"),
        ("a.csv", "1,2", "a.csv:1:1: expected a file *.yaml, *.yml, *.jsonl, *.ndjson"),
    ],
)
def test_a_file_of_another_kind_is_refused(write: Write, name: str, content: str | bytes, fault: str) -> None:
    (found,) = faults_of(write(name, content))
    assert found.startswith(fault)


def test_a_file_that_changed_for_the_worse_since_it_was_checked_is_refused(write: Write) -> None:
    path = write("a.jsonl", '{"identities": ["customer:1", "cookie:c"]}\n{"identities": [7]}\n')
    states = read_states([path], catalog(), NOW_MS)
    assert next(states).identities == (Identity("customer", "1"), Identity("cookie", "c"))
    with pytest.raises(CustomerFileError, match="expected text, found the number 7"):
        next(states)


def test_characters_beyond_the_first_plane_may_be_escaped(write: Write) -> None:
    (entry,) = entries_of(write("a.jsonl", '{"identities": ["customer:\\ud83d\\ude00"]}'))
    assert entry.identities == (Identity("customer", "\N{GRINNING FACE}"),)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert faults_of(tmp_path / "a.jsonl") == ["a.jsonl:1:1: cannot be read: No such file or directory"]


def test_nobody_may_stand_in_the_files_twice(write: Write) -> None:
    one = write(
        "a.yaml", "- {identities: [customer:1, customer:1]}\n- {identities: [cookie:c, CUSTOMER:1]}\n"
    )
    other = write("b.jsonl", '{"identities": ["cookie:c"]}\n')
    assert faults_of(one, other) == [
        "a.yaml:2:3: the same person stands at a.yaml:1 too",
        "b.jsonl:1:1: the same person stands at a.yaml:2 too",
    ]


def test_of_endless_faults_the_first_are_told(write: Write) -> None:
    assert len(faults_of(write("a.jsonl", "?\n" * (MAX_FAULTS + 5)))) == MAX_FAULTS
