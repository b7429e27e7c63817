"""Raw scores of all candidates of one request: the exact scorer beside LightGBM.

Run it with `python -m benchmarks.micro.scoring`; add `--json` for a machine, `--plot FILE` for a picture.
Trees have 31 leaves over 40 columns: 22 of the request, 8 of the action, and 10 of the pair, half of whose
values are missing. Inputs differ from call to call. Few candidates are scored more often, so that caches are
warm for all. LightGBM runs on one thread and gets its matrix ready made. `C API` is LightGBM without its
Python package. lleaves, a compiler of models, takes part where it is installed and works: it needs llvmlite
before 0.45.
"""

import ctypes
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import lightgbm
import numpy as np

from benchmarks.interleaved import Candidate, Result, arguments, measure, report
from nextbest_models.scoring.scorer import ExactScorer, Roles

REQUEST, ACTION, PAIR = np.arange(22), np.arange(22, 30), np.arange(30, 40)
ROLES = Roles(REQUEST, ACTION, (PAIR,))
TREES, CANDIDATES, FRESH, MOST = (100, 300, 500), (20, 100, 1_000, 5_000), 8, 2_000
Way = Callable[[np.ndarray], np.ndarray]
EXACT, PREDICT, C_API, LLEAVES = "exact", "Booster.predict", "C API", "lleaves"
COLOURS = {EXACT: "#0b7a75", PREDICT: "#c0392b", C_API: "#d98c00", LLEAVES: "#5b6abf"}


def groups() -> Iterator[tuple[int, list[Candidate]]]:
    """Yield what is compared with each other, and for how many candidates."""
    rng = np.random.default_rng(7)
    full = _booster(rng, max(TREES))
    for trees in TREES:
        booster = lightgbm.Booster(model_str=full.model_to_string(num_iteration=trees))
        scorer, compiled = ExactScorer.compile(booster.model_to_string()), _lleaves(booster)
        for size, paired in itertools.product(CANDIDATES, (False, True)):
            matrices = _matrices(rng, size, paired)
            ways = {EXACT: _exact(scorer, matrices, paired), PREDICT: _predict(booster)}
            ways |= {C_API: _c_api(booster, size), **({LLEAVES: compiled} if compiled else {})}
            _check(ways, matrices[1])
            group = f"{trees} trees, {size:,} candidates{', pairs' if paired else ''}"
            yield size, [Candidate(group, name, 0, _in_turn(way, matrices)) for name, way in ways.items()]


def _check(ways: Mapping[str, Way], matrix: np.ndarray) -> None:
    """Make sure that all give the same scores; lleaves does not promise the last bit."""
    expected = ways[PREDICT](matrix)
    for name, way in ways.items():
        tolerance = 1e-12 if name == LLEAVES else 0.0
        np.testing.assert_allclose(np.ravel(way(matrix)), expected, rtol=0, atol=tolerance)


def _predict(booster: lightgbm.Booster) -> Way:
    return lambda matrix: booster.predict(matrix, raw_score=True, num_threads=1)


def _booster(rng: np.random.Generator, trees: int) -> lightgbm.Booster:
    matrix = _values(rng, 20_000)
    signal = np.nan_to_num(matrix) @ rng.normal(size=40)
    parameters = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 2, "seed": 1}
    parameters |= {"feature_fraction": 0.5}
    labels = signal + 3 * rng.normal(size=len(matrix)) > 0
    return lightgbm.train(parameters, lightgbm.Dataset(matrix, labels, params=parameters), trees)


def _values(rng: np.random.Generator, rows: int) -> np.ndarray:
    values = rng.normal(size=(rows, 40))
    values[:, PAIR] = np.where(rng.random((rows, 10)) < 0.5, np.nan, values[:, PAIR])
    return values


def _matrices(rng: np.random.Generator, size: int, paired: bool) -> list[np.ndarray]:
    """Return the candidates of several customers: the same actions, other values of request and pairs."""
    actions = rng.normal(size=(size, len(ACTION)))
    matrices = []
    for _ in range(FRESH):
        matrix = _values(rng, size)
        matrix[:, REQUEST], matrix[:, ACTION] = matrix[0, REQUEST], actions
        matrix[:, PAIR] = matrix[:, PAIR] if paired else np.nan
        matrices.append(matrix)
    return matrices


def _exact(scorer: ExactScorer, matrices: Sequence[np.ndarray], paired: bool) -> Way:
    """Score what serving hands over: the request, the candidates' rows, and the pairs."""
    actions = scorer.for_actions(ROLES, matrices[0][:, ACTION], np.full(len(PAIR), np.nan))
    rows = np.arange(len(matrices[0]))
    hits = rows if paired else rows[:0].copy()
    touched = np.ones((1, len(hits)), dtype=np.bool_)
    given = {id(it): (it[0, REQUEST].copy(), np.ascontiguousarray(it[hits][:, PAIR].T)) for it in matrices}

    def score(matrix: np.ndarray) -> np.ndarray:
        request, pairs = given[id(matrix)]
        return actions.raw_scores(request, rows, hits, touched, pairs)

    return score


def _c_api(booster: lightgbm.Booster, size: int) -> Way:
    call, out, count = lightgbm.basic._LIB.LGBM_BoosterPredictForMat, np.empty(size), ctypes.c_int64()  # noqa: SLF001
    target = out.ctypes.data_as(ctypes.POINTER(ctypes.c_double))

    def score(matrix: np.ndarray) -> np.ndarray:
        data = ctypes.c_void_p(matrix.ctypes.data)
        rows, columns = (ctypes.c_int32(it) for it in matrix.shape)
        settings = (ctypes.c_int(1), rows, columns, *(ctypes.c_int(it) for it in (1, 1, 0, -1)))
        failed = call(booster._handle, data, *settings, b"num_threads=1", ctypes.byref(count), target)  # noqa: SLF001
        assert not failed
        return out

    return score


def _lleaves(booster: lightgbm.Booster) -> Way | None:
    try:
        import lleaves  # noqa: PLC0415 - not one of our dependencies
    except ImportError:
        return None
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        booster.save_model(file.name)
        model = lleaves.Model(model_file=file.name)
        try:
            model.compile(raw_score=True)
        except AttributeError:
            return None
    return lambda matrix: model.predict(matrix, n_jobs=1)


def _in_turn(way: Way, matrices: Sequence[np.ndarray]) -> Callable[[], object]:
    turn = itertools.cycle(matrices)
    return lambda: way(next(turn))


def _plot(results: Sequence[Result], path: Path) -> None:
    """Draw microseconds over candidates: a panel for each number of trees, with pairs and without."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    figure = Figure(figsize=(11, 6), layout="constrained")
    panels = figure.subplots(2, len(TREES), sharex=True, sharey=True)
    for (row, suffix), (column, trees) in itertools.product(enumerate(("", ", pairs")), enumerate(TREES)):
        axes = panels[row][column]
        for name, colour in COLOURS.items():
            at = {it.group: it.median_us for it in results if it.name == name}
            medians = [at.get(f"{trees} trees, {size:,} candidates{suffix}") for size in CANDIDATES]
            if all(medians):
                axes.loglog(CANDIDATES, medians, "o-", color=colour, label=name)
        axes.set_title(f"{trees} trees{suffix.replace(', ', ', ten ')}", fontsize=10)
        axes.grid(alpha=0.3)
    for axes in panels[1]:
        axes.set_xlabel("candidates")
    for row in panels:
        row[0].set_ylabel("µs per request")
    panels[0][0].legend(frameon=False, fontsize=9)
    figure.savefig(path)


def main() -> None:
    """Measure, print, and draw if asked to."""
    parser = arguments("Raw scores of one request", rounds=9, calls=2)
    parser.add_argument("--plot", type=Path, help="write a picture to this file")
    options = parser.parse_args()
    results = [
        result
        for size, group in groups()
        for result in measure(group, options.rounds, max(options.calls, MOST // size))
    ]
    report(results, {"lightgbm": lightgbm.__version__}, as_json=options.json)
    if options.plot:
        _plot(results, options.plot)


if __name__ == "__main__":
    main()
