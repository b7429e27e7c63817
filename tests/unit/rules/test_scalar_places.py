import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest_rules.loading.scalar_places import locate
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import MappingNode, ScalarNode


def scalar(text: str) -> ScalarNode:
    root, faults = parse(text, "f.yaml")
    assert not faults
    assert isinstance(root, MappingNode)
    node = root.entries["k"]
    assert isinstance(node, ScalarNode)
    return node


def place_of(marker: str, text: str) -> tuple[int, int]:
    """Locate the first occurrence of `marker` in the value of key `k`."""
    node = scalar(text)
    before = node.text[: node.text.index(marker)]
    return locate(node, before.count("\n") + 1, len(before) - before.rfind("\n"), text)


def place_in_text(marker: str, text: str) -> tuple[int, int]:
    before = text[: text.index(marker)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


@pytest.mark.parametrize(
    "text",
    [
        "k: a b !",
        "k: a\n  b\n\n\n   !",
        "# ü\nk: 'it''s ''so''   !'",
        'k: "a\\"b\\\\ \\t\\x41\\u0041\\U00000041\\n\\\n   c !"',
        "k: |\n  a\n    b\n\n  !\n",
        "k: |2-\n    a\n   !\n",
        "k: |+ # note !!\n\n\n  a\n  !\n\n",
        "k: >\n  a\n  b\n\n    c\n  d !\n",
        "k: >-\n\n  a\n\n\n  ! b\n",
    ],
)
def test_a_place_in_a_value_leads_back_to_the_text(text: str) -> None:
    marked = text.replace(" # note !!", " # note")
    assert place_of("!", marked) == place_in_text("!", marked)


WORDS = st.lists(
    st.text(string.ascii_letters + "\"'\\äß€😀", min_size=1, max_size=6), min_size=1, max_size=12
)


@given(words=WORDS, breaks=st.lists(st.integers(0, 2), min_size=12, max_size=12), indent=st.integers(1, 5))
def test_every_word_of_a_block_is_found_where_it_stands(
    words: list[str], breaks: list[int], indent: int
) -> None:
    for style in ("|", ">"):
        body = " " * indent
        for word, lines in zip(words, breaks, strict=False):
            body += word + ("\n" * lines + " " * indent if lines else " ")
        text = f"# head\nk: {style}{indent}\n{body}\nlast: 1\n"
        node = scalar(text)
        offset = 0
        for word in words:
            offset = node.text.index(word, offset)
            before = node.text[:offset]
            line, column = locate(node, before.count("\n") + 1, len(before) - before.rfind("\n"), text)
            assert text.split("\n")[line - 1][column - 1 :].startswith(word)
            offset += len(word)


def test_the_end_of_a_value_is_behind_its_last_character() -> None:
    text = "k: a b  \n"
    assert locate(scalar(text), 1, 4, text) == (1, 7)
    text = "k: |\n  a b\n"
    assert locate(scalar(text), 1, 4, text) == (2, 6)


def test_an_empty_value_has_the_place_of_its_scalar() -> None:
    text = "k: ''\n"
    assert locate(scalar(text), 1, 1, text) == (1, 4)
