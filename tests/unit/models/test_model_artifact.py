import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from small_world import AFFINITIES, FEATURES

from nextbest_models.artifact import (
    MANIFEST_FILE,
    MODEL_FILE,
    ModelFacts,
    golden_rows,
    load,
    model_text,
    model_version,
    read_manifest,
    save,
)
from nextbest_models.calibration import Calibration, Curve, Method, log_odds, probability
from nextbest_models.companions import CALIBRATION_FILE, EXPERIENCE_FILE, Companions
from nextbest_models.evidence import Evidence, Experience, Graduation, Kind, Scope, Tally
from nextbest_models.features import FeatureSpec
from nextbest_models.ranker import ModelError, Ranker

SPEC = FeatureSpec.from_declarations(AFFINITIES, FEATURES)


CURVE = Curve(Method.PLATT, np.array([-35.0, 35.0]), np.array([-71.0, 69.0]))
EXPERIENCE = Experience(Evidence({"a": Tally(Kind("OFFER", "i", "g"), 9, 1)}), Graduation(scope=Scope.TYPE))
COMPANIONS = Companions(Calibration({"OFFER": CURVE}), EXPERIENCE)


def _matrix() -> np.ndarray:
    matrix = np.random.default_rng(5).normal(size=(400, len(SPEC.columns)))
    matrix[::7, 3] = np.nan
    return matrix


def _booster(threads: int = 1) -> lightgbm.Booster:
    matrix = _matrix()
    positive = (np.nan_to_num(matrix[:, 3]) + matrix[:, 1] > 0.5).astype(np.float32)
    parameters = {
        "objective": "binary",
        "num_threads": threads,
        "verbosity": -1,
        "deterministic": True,
        "seed": 1,
    }
    rows = lightgbm.Dataset(matrix, positive, feature_name=list(SPEC.columns), params=parameters)
    return lightgbm.train({**parameters, "num_leaves": 7, "force_row_wise": True}, rows, 5)


def _facts(digest: str = SPEC.digest) -> ModelFacts:
    return ModelFacts(datetime(2017, 9, 1, tzinfo=UTC), digest, {"trees": 5}, {"auc": 0.9}, {"rows": 400})


def _curves(knots: str, values: str) -> str:
    return f'{{"curves": {{"OFFER": {{"method": "platt", "knots": {knots}, "values": {values}}}}}}}'


def _tallies(shown: object, positive: object) -> str:
    kind = '"type": "OFFER", "issue": "i", "group": "g"'
    return f'{{"graduation": {{}}, "actions": {{"a": {{{kind}, "shown": {shown}, "positive": {positive}}}}}}}'


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(tmp_path / "models", _booster(), _matrix()[:20], _facts(), {"card.md": b"# Card"})


def _edit_manifest(saved: Path, edit: Callable[[dict[str, object]], object]) -> None:
    plain = json.loads((saved / MANIFEST_FILE).read_text())
    edit(plain)
    (saved / MANIFEST_FILE).write_text(json.dumps(plain))


def test_a_saved_model_gives_the_scores_it_gave_before(saved: Path) -> None:
    ranker = load(saved, SPEC)
    np.testing.assert_array_equal(
        ranker.propensities(_matrix()), _booster().predict(_matrix(), num_threads=1)
    )
    assert ranker.version == saved.name == read_manifest(saved).version
    assert (saved / "card.md").read_bytes() == b"# Card"


def test_nothing_is_left_beside_the_finished_model(saved: Path) -> None:
    assert list(saved.parent.iterdir()) == [saved]


def test_the_same_model_again_takes_the_place_of_the_first(saved: Path) -> None:
    again = save(saved.parent, _booster(), _matrix()[:20], _facts(), {"card.md": b"# New card"})
    assert again == saved
    assert (saved / "card.md").read_bytes() == b"# New card"
    assert list(saved.parent.iterdir()) == [saved]


def test_the_version_does_not_depend_on_the_number_of_threads() -> None:
    assert model_version(model_text(_booster(threads=1))) == model_version(model_text(_booster(threads=2)))


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save(tmp_path, _booster(), _matrix()[:20], _facts(), {"no/such/directory": b""})
    assert list(tmp_path.iterdir()) == []


def test_an_empty_directory_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no model in .* Run `nextbest train`"):
        load(tmp_path, SPEC)


def test_a_missing_model_file_is_reported(saved: Path) -> None:
    (saved / MODEL_FILE).unlink()
    with pytest.raises(ModelError, match="model file is missing"):
        load(saved, SPEC)


@pytest.fixture
def accompanied(tmp_path: Path) -> Path:
    return save(tmp_path / "models", _booster(), _matrix()[:20], _facts(), {}, COMPANIONS)


def test_calibration_and_experience_come_with_the_model(accompanied: Path) -> None:
    ranker = load(accompanied, SPEC)
    assert ranker.experience == EXPERIENCE
    codes = ranker.calibration.codes(["OFFER", "SERVICE"] * 200)
    scores, probabilities = ranker.propensities(_matrix()), ranker.propensities(_matrix(), codes)
    # The compiled call takes logarithms from the C library, NumPy may have its own: the last bits differ.
    agreed = probability(CURVE.apply(log_odds(scores[::2])))
    np.testing.assert_array_max_ulp(probabilities[::2], agreed, maxulp=4)
    np.testing.assert_array_equal(probabilities[1::2], scores[1::2])


def test_the_version_tells_what_serves_beside_the_model(accompanied: Path, saved: Path) -> None:
    text = model_text(_booster())
    assert accompanied.name == model_version(text, COMPANIONS) == load(accompanied, SPEC).version
    assert saved.name == model_version(text) == load(saved, SPEC).version
    others = (Companions(COMPANIONS.calibration), Companions(experience=EXPERIENCE))
    assert len({accompanied.name, saved.name, *(model_version(text, other) for other in others)}) == 4


@pytest.mark.parametrize("name", [CALIBRATION_FILE, EXPERIENCE_FILE])
def test_a_damaged_companion_is_reported(accompanied: Path, name: str) -> None:
    content = (accompanied / name).read_bytes()
    (accompanied / name).write_bytes(content.replace(b"1", b"2", 1))
    with pytest.raises(ModelError, match=f"{name} is damaged or edited"):
        load(accompanied, SPEC)
    (accompanied / name).unlink()
    with pytest.raises(ModelError, match="a part of the model is missing"):
        load(accompanied, SPEC)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (CALIBRATION_FILE, _curves("[-35, 35]", "[1, 0]"), "does not ascend"),
        (CALIBRATION_FILE, _curves("[-35, NaN, 35]", "[0, 1, 2]"), "cannot be read"),
        (CALIBRATION_FILE, _curves("[-35, 35]", "[0, Infinity]"), "cannot be read"),
        (CALIBRATION_FILE, _curves("[-35, 35]", "[0, 1e999]"), "cannot be read"),
        (CALIBRATION_FILE, "{", "cannot be read"),
        (EXPERIENCE_FILE, '{"graduation": {"exposures": 0}, "actions": {}}', "cannot be read"),
        (EXPERIENCE_FILE, _tallies(9, 10), "more came of a than"),
        (EXPERIENCE_FILE, _tallies(-1, -2), "more came of a than"),
        (EXPERIENCE_FILE, _tallies("NaN", 0), "cannot be read"),
    ],
)
def test_a_companion_that_makes_no_sense_is_refused_though_its_hash_is_right(
    accompanied: Path, name: str, content: str, message: str
) -> None:
    (accompanied / name).write_text(content)
    found = hashlib.sha256(content.encode()).hexdigest()
    _edit_manifest(accompanied, lambda plain: plain["parts"].update({name: found}))
    with pytest.raises(ModelError, match=message):
        load(accompanied, SPEC)


def test_a_companion_of_a_later_version_is_refused(accompanied: Path) -> None:
    (accompanied / "reach.json").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    _edit_manifest(accompanied, lambda plain: plain["parts"].update({"reach.json": empty}))
    with pytest.raises(ModelError, match=r"does not know: reach\.json"):
        load(accompanied, SPEC)


# Without the check of the hash each of these would end or hang this very process.
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda _: b"",
        lambda content: content + b"\n",
        lambda content: content.replace(b"left_child=1", b"left_child=0", 1),
        lambda content: bytes([content[0] ^ 1]) + content[1:],
    ],
    ids=["cut in half", "last byte gone", "empty", "a byte more", "endless loop", "one bit"],
)
def test_a_damaged_model_file_never_reaches_lightgbm(saved: Path, damage: Callable[[bytes], bytes]) -> None:
    content = (saved / MODEL_FILE).read_bytes()
    assert damage(content) != content
    (saved / MODEL_FILE).write_bytes(damage(content))
    with pytest.raises(ModelError, match="damaged or edited"):
        load(saved, SPEC)


@pytest.mark.parametrize("leaf", ["nan", "inf", "-inf", "NaN", "Infinity", "1e999", "much"])
def test_a_leaf_that_is_no_finite_number_is_refused_though_all_hashes_are_right(
    saved: Path, leaf: str
) -> None:
    text = (saved / MODEL_FILE).read_text()
    damaged = re.sub(r"(?m)^(leaf_value=)\S+", rf"\g<1>{leaf}", text, count=1)
    assert damaged != text
    size = re.search(r"tree_sizes=(\d+)", text)[1]
    longer = int(size) + len(damaged) - len(text)
    damaged = damaged.replace(f"tree_sizes={size}", f"tree_sizes={longer}", 1)
    (saved / MODEL_FILE).write_text(damaged)
    found = hashlib.sha256(damaged.encode()).hexdigest()
    _edit_manifest(saved, lambda plain: plain.update(model_sha256=found))
    with pytest.raises(ModelError, match="leaf that is no finite number"):
        load(saved, SPEC)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"format": 1}', b'{"format": 2}'])
def test_a_damaged_manifest_is_reported(saved: Path, content: bytes) -> None:
    (saved / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged|format"):
        load(saved, SPEC)


def test_a_wrong_hash_in_the_manifest_is_reported(saved: Path) -> None:
    _edit_manifest(saved, lambda plain: plain.update(model_sha256="0" * 64))
    with pytest.raises(ModelError, match="its SHA-256 is not the manifest's"):
        load(saved, SPEC)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda plain: plain["golden_scores"].__setitem__(0, 0.123), "misses its golden scores by"),
        (lambda plain: plain["golden_scores"].__setitem__(0, float("nan")), "misses its golden scores by"),
        (lambda plain: plain["golden_scores"].pop(), "no usable golden rows"),
        (lambda plain: plain.update(golden_rows=[], golden_scores=[]), "no usable golden rows"),
        (lambda plain: plain["golden_rows"][0].pop(), "differ in length"),
        (lambda plain: plain.update(surprise=1), "damaged in: surprise"),
        (lambda plain: plain.pop("columns"), "damaged in: columns"),
    ],
)
def test_golden_scores_guard_the_model(
    saved: Path, edit: Callable[[dict[str, object]], object], message: str
) -> None:
    _edit_manifest(saved, edit)
    with pytest.raises(ModelError, match=message):
        load(saved, SPEC)


def test_a_model_of_other_features_is_refused_by_name(saved: Path) -> None:
    other = FeatureSpec.from_declarations(AFFINITIES, [{**FEATURES[0], "name": "visits_week"}, *FEATURES[1:]])
    with pytest.raises(ModelError, match="other features: visits_7d is gone, visits_week is new"):
        load(saved, other)


def test_a_model_of_features_that_changed_their_meaning_is_refused(saved: Path) -> None:
    meaning = {"aggregate": "count", "of": "visits", "window": "8d"}
    other = FeatureSpec.from_declarations(AFFINITIES, [{**FEATURES[0], "definition": meaning}, *FEATURES[1:]])
    with pytest.raises(ModelError, match="changed their order or meaning"):
        load(saved, other)


def test_golden_rows_spread_over_the_scores() -> None:
    matrix = np.arange(100.0).reshape(-1, 1)
    assert golden_rows(matrix, -matrix[:, 0], rows=3).ravel().tolist() == [99.0, 50.0, 0.0]
    assert len(golden_rows(matrix[:2], matrix[:2, 0])) == 2


def test_a_ranker_refuses_rows_of_another_width() -> None:
    ranker = Ranker(_booster(), SPEC.columns, "v")
    with pytest.raises(ModelError, match="takes 13 columns"):
        ranker.propensities(np.zeros((2, 5)))


def test_a_ranker_scores_no_rows_as_nothing() -> None:
    assert len(Ranker(_booster(), SPEC.columns, "v").propensities(np.empty((0, 13)))) == 0


def test_a_score_that_is_no_probability_is_an_error() -> None:
    matrix = _matrix()
    rows = lightgbm.Dataset(matrix, matrix[:, 1] * 10, params={"verbosity": -1})
    unbounded = lightgbm.train({"objective": "regression", "verbosity": -1, "num_threads": 1}, rows, 5)
    with pytest.raises(ModelError, match="v1 gave a score that is no probability"):
        Ranker(unbounded, SPEC.columns, "v1").propensities(matrix)
