import re
from collections.abc import Callable

import lightgbm
import numpy as np
import pytest

from nextbest_models.scoring.model_text import UnsupportedModelError
from nextbest_models.scoring.scorer import ExactScorer
from nextbest_models.scoring.trees import MISSING_NAN, MISSING_NONE, MISSING_ZERO, Forest


def _text(trees: int = 3, **more: object) -> str:
    rng = np.random.default_rng(2)
    matrix = np.column_stack([rng.normal(size=300), rng.integers(0, 40, 300), rng.normal(size=300)])
    matrix[::5, 0] = np.nan
    labels = np.nan_to_num(matrix[:, 0]) + (matrix[:, 1] % 3) * 3 + matrix[:, 2]
    parameters = {"num_leaves": 15, "min_data_in_leaf": 2, "verbosity": -1, "num_threads": 1, **more}
    parameters |= {"min_data_per_group": 1, "cat_smooth": 1.0}
    data = lightgbm.Dataset(matrix, labels, categorical_feature=[1], params=parameters)
    return str(lightgbm.train(parameters, data, trees).model_to_string())


TEXT = _text()


def _edited(text: str, pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> str:
    """Edit the first match, and the table of sizes with it, so that only the edit itself can be at fault."""
    changed = re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert changed != text
    sizes = [len(it) + 1 for it in re.findall(r"^Tree=[^T]*?\n\n(?=\nTree=|\nend of)", changed, re.MULTILINE)]
    return re.sub(r"^tree_sizes=.*", f"tree_sizes={' '.join(map(str, sizes))}", changed, flags=re.MULTILINE)


def test_an_edit_that_changes_nothing_of_meaning_is_fine() -> None:
    """The way of editing does not itself make a model unusable."""
    text = _edited(TEXT, r"^split_gain=\S+", "split_gain=1")
    assert Forest.parse(text).leaves.tobytes() == Forest.parse(TEXT).leaves.tobytes()


@pytest.mark.parametrize(
    ("pattern", "replacement", "why"),
    [
        (r"^tree\n", "trees\n", "does not begin like a model"),
        (r"^version=v4", "version=v5", "not v4"),
        (r"^label_index", "label_indices", "a field that is not known"),
        (r"^(max_feature_idx=.*)$", r"\1\n\1", "or one twice"),
        (r"^max_feature_idx=.*", "max_feature_idx=x", "not made of integers"),
        (r"^num_tree_per_iteration=1", "num_tree_per_iteration=2", "last iteration is not whole"),
        (r"^num_leaves=15", "num_leaves=16", "values where 16 belong"),
        (r"^is_linear=0", "is_linear=1", "linear models"),
        (r"^is_linear=0\n", "", "is_linear has 0 values"),
        (r"^shrinkage=", "growth=", "a field that is not known"),
        (r"^leaf_value=\S+", "leaf_value=x", "not made of numbers"),
        (r"^threshold=\S+", "threshold=nan", "in a way that is not known"),
        (r"^decision_type=\S+", "decision_type=12", "in a way that is not known"),
        (r"^split_feature=\S+", "split_feature=3", "a column that there is not"),
        (r"^split_feature=\S+", "split_feature=-1", "a column that there is not"),
        (r"^left_child=\S+", "left_child=0", "is no tree"),
        (r"^left_child=\S+", "left_child=99", "is no tree"),
        (r"^left_child=\S+", "left_child=-1", "is no tree"),
        (r"^num_cat=\d+", "num_cat=0", "categories that there are not"),
        (r"^cat_boundaries=\S+", "cat_boundaries=1", "in no order"),
        (r"^cat_threshold=\S+", "cat_threshold=-5", "in no order"),
        (r"^end of trees", "end of forest", "more than tree_sizes tells of"),
    ],
)
def test_what_is_not_fully_understood_is_refused(pattern: str, replacement: str, why: str) -> None:
    with pytest.raises(UnsupportedModelError, match=why):
        ExactScorer.compile(_edited(TEXT, pattern, replacement))


def test_a_table_of_sizes_that_does_not_fit_is_refused() -> None:
    text = re.sub(r"^tree_sizes=\d+", "tree_sizes=7", TEXT, flags=re.MULTILINE)
    with pytest.raises(UnsupportedModelError, match="tree 1 is not where"):
        Forest.parse(text)


def test_a_text_cut_anywhere_is_refused() -> None:
    end = TEXT.index("end of trees\n") + len("end of trees\n")
    for size in range(0, end, 97):
        with pytest.raises(UnsupportedModelError):
            ExactScorer.compile(TEXT[:size])


def test_linear_leaves_and_trees_of_more_than_a_word_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="linear"):
        Forest.parse(_text(linear_tree=True))
    with pytest.raises(UnsupportedModelError, match="more than 64"):
        Forest.parse(_text(num_leaves=65, min_data_in_leaf=1))
    assert Forest.parse(_text(num_leaves=64, min_data_in_leaf=1)).leaves.shape == (3, 64)


def test_a_column_that_is_both_numerical_and_categorical_is_refused() -> None:
    def flip(match: re.Match[str]) -> str:
        return "decision_type=" + " ".join(str(int(it) & ~1) for it in match[1].split(" "))

    with pytest.raises(UnsupportedModelError, match="numerical here and categorical there"):
        ExactScorer.compile(_edited(TEXT, r"^decision_type=(.*)$", flip))


def test_far_too_many_kinds_of_categories_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextbest_models.scoring.intervals.MAX_CATEGORY_BYTES", 100)
    with pytest.raises(UnsupportedModelError, match="too many categories"):
        ExactScorer.compile(TEXT)


def test_zero_is_not_above_a_threshold_of_zero() -> None:
    """LightGBM learns no such threshold, but takes one."""
    text = _edited(
        _text(use_missing=False, max_bin=3),
        r"^threshold=.*$",
        lambda it: "threshold=" + "0 " * it[0].count(" ") + "0",
    )
    rows = np.array([[0.0, -1.0, 0.0], [-0.0, -1.0, 1e-36], [1e-34, -1.0, -1e-34], [np.nan, -1.0, np.nan]])
    expected = lightgbm.Booster(model_str=text).predict(rows, raw_score=True)
    assert ExactScorer.compile(text).raw_scores(rows)[:, 0].tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("more", "kind"),
    [({}, MISSING_NAN), ({"use_missing": False}, MISSING_NONE), ({"zero_as_missing": True}, MISSING_ZERO)],
)
def test_every_kind_of_missing_value_is_read(more: dict[str, object], kind: int) -> None:
    """So that the random models of the other tests do have them."""
    splits = [it for it in Forest.parse(_text(**more)).splits if it.column == 0]
    assert {split.missing for split in splits} == {kind}


@pytest.mark.parametrize(("leaves", "word"), [(2, "u2"), (16, "u2"), (17, "u4"), (33, "u8"), (64, "u8")])
def test_a_word_is_the_smallest_with_a_bit_per_leaf(leaves: int, word: str) -> None:
    scorer = ExactScorer.compile(_text(num_leaves=leaves, min_data_in_leaf=1))
    assert scorer.model.tables.table.dtype == np.dtype(word)
