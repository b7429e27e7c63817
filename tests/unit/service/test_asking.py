from nextbest.v1 import value_pb2
from nextbest_service.cli.asking import build_request


def context_of(*entries: tuple[str, str]) -> value_pb2.Context:
    return build_request(identities=[], placements=[], limit=0, context=entries).context


def test_context_goes_into_the_map_of_its_type() -> None:
    context = context_of(
        ("page", "landing"),
        ("basket", "12.5"),
        ("first", "true"),
        ("cart", '[milk-jug, "a b",]'),
        ("none", "[]"),
    )
    assert dict(context.strings) == {"page": "landing"}
    assert dict(context.numbers) == {"basket": 12.5}
    assert dict(context.flags) == {"first": True}
    assert {key: list(context.lists[key].values) for key in context.lists} == {
        "cart": ["milk-jug", "a b"],
        "none": [],
    }


def test_quotes_keep_a_number_and_a_truth_a_text() -> None:
    assert dict(context_of(("page", '"7"'), ("city", '"true"')).strings) == {"page": "7", "city": "true"}


def test_brand_goal_and_locale_go_along() -> None:
    request = build_request(
        identities=[("customer", "1")], placements=["home"], limit=2, brand="b", goal="g", locale="vi"
    )
    assert (request.brand, request.goal, request.locale) == ("b", "g", "vi")
