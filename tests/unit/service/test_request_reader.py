"""Questions that are read quickly are read as if each were the first."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest.v1 import action_pb2, decision_pb2, identity_pb2, value_pb2
from nextbest_rules import RuleSet, load_catalog
from nextbest_service.api.read_request import read_request
from nextbest_service.api.request_reader import RequestReader
from nextbest_service.catalogs import find_catalog
from nextbest_service.errors import ServiceError


@cache
def rules() -> RuleSet:
    return RuleSet.compile(load_catalog(find_catalog("bank")))


def some(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


def now_and_then(values: st.SearchStrategy[list[object]]) -> st.SearchStrategy[list[object]]:
    return st.integers(0, 4).flatmap(lambda die: values if die == 0 else st.just([]))


ACTIONS = [action.id for action in rules().catalog.actions[:3]]
PLACEMENTS = [*rules().catalog.placements][:4]
CONTEXT = [*rules().catalog.context.declarations]
TEXTS = st.sampled_from(["", "a", "x" * 256, "x" * 257, "ä" * 512, "ä" * 513, "morning"])
IDENTITIES = st.builds(
    identity_pb2.Identity,
    namespace=some("customer", "customer", "cookie", "", "No Name"),
    id=st.sampled_from(["1", "7", "", "x" * 32, "x" * 128, "x" * 129, "ä" * 65]),
)
ASKED = st.builds(
    decision_pb2.PlacementRequest,
    id=some(*PLACEMENTS, PLACEMENTS[0], "nowhere"),
    limit=some(0, 1, 2, 2, 99, -1),
    excluded_action_ids=now_and_then(st.lists(some(*ACTIONS, "nothing"), max_size=2)),
    action_types=now_and_then(st.lists(some(1, 2, 9), max_size=2)),
)
CONTEXTS = st.builds(
    value_pb2.Context,
    strings=st.dictionaries(some(*CONTEXT, "other"), TEXTS, max_size=3),
    numbers=st.just({}) | st.dictionaries(some(*CONTEXT), some(1.0, 0.5, float("nan")), max_size=2),
    flags=st.just({}) | st.dictionaries(some(*CONTEXT), st.booleans(), max_size=1),
)
QUESTIONS = st.builds(
    decision_pb2.DecideRequest,
    request_id=some("", "", "r1", "x" * 64, "x" * 65),
    identities=st.lists(IDENTITIES, min_size=1, max_size=2) | st.lists(IDENTITIES, max_size=9),
    placements=st.lists(ASKED, min_size=1, max_size=1) | st.lists(ASKED, max_size=3),
    context=st.none() | CONTEXTS,
    channel=some("", "", "web", "email", "pigeon"),
    direction=some(0, 0, action_pb2.DIRECTION_INBOUND, 2, 7),
    brand=some("", "", "other"),
    goal=some("", "other"),
    candidate_action_ids=now_and_then(st.lists(some(*ACTIONS, "nothing"), max_size=2)),
    explain_level=some(0, 1, 2, 9),
    dry_run=st.booleans(),
    include_content=st.booleans(),
    locale=some("", "de-CH", "de", "!"),
    audit_mode=some(0, 1, 2, 9),
    allow_duplicates=st.booleans(),
)


def told(read: object) -> object:
    try:
        return read()  # type: ignore[operator]
    except ServiceError as error:
        return type(error), str(error), getattr(error, "violations", None)


@settings(max_examples=400)
@given(st.lists(QUESTIONS, min_size=1, max_size=6), st.booleans())
def test_a_reader_reads_what_a_close_look_does(
    questions: list[decision_pb2.DecideRequest], audited: bool
) -> None:
    reader = RequestReader(rules(), audited=audited)
    for question in [*questions, *questions]:
        expected = told(lambda question=question: read_request(question, rules(), audited=audited))
        assert told(lambda question=question: reader.read(question)) == expected


def test_a_question_of_a_known_kind_is_not_looked_at_closely_again() -> None:
    reader = RequestReader(rules())
    looks = []
    reader_class_closely = RequestReader._read_closely

    class Counting(RequestReader):
        __slots__ = ()

        def _read_closely(self, key: object, message: decision_pb2.DecideRequest) -> object:  # type: ignore[override]
            looks.append(message)
            return reader_class_closely(self, key, message)

    reader = Counting(rules())
    text = next(
        name for name, it in rules().catalog.context.declarations.items() if it.type.value == "string"
    )
    for number in range(50):
        reader.read(
            decision_pb2.DecideRequest(
                identities=[identity_pb2.Identity(namespace="customer", id=str(number))],
                placements=[decision_pb2.PlacementRequest(id=PLACEMENTS[0], limit=1)],
                context=value_pb2.Context(strings={text: f"any {number}"}),
            )
        )
    assert len(looks) == 1


def test_a_reader_does_not_grow_without_end() -> None:
    reader = RequestReader(rules())
    letters = "abcdefghij"
    for number in range(3_000):
        locale = "de-" + "".join(letters[int(digit)] for digit in f"{number:04d}")
        reader.read(
            decision_pb2.DecideRequest(
                identities=[identity_pb2.Identity(namespace=f"n{number}", id="1")],
                placements=[decision_pb2.PlacementRequest(id=PLACEMENTS[0], limit=1)],
                locale=locale,
            )
        )
    assert len(reader._templates) <= 1024
    assert len(reader._namespaces) <= 1024
