"""A process of its own looks at models first: it may crash, hang or find faults, and nobody else feels it."""

import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from changing_shop import BROKEN, ChangingShop, changing_shop

from nextbest_rules import load_catalog
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.reload.canary import Canary
from nextbest_service.reload.findings import Finding, Part
from nextbest_service.reload.proving import Question, prove
from nextbest_service.reload.sources import MODEL_FILES

DAMAGES = 60


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ChangingShop:
    """A shop with one model."""
    shop = changing_shop(tmp_path_factory.mktemp("proved"))
    shop.train(experience=1)
    return shop


@pytest.fixture
def model(shop: ChangingShop, tmp_path: Path) -> Path:
    """A model that may be damaged."""
    (directory,) = shop.home.models("corner_shop").iterdir()
    return Path(shutil.copytree(directory, tmp_path / "model"))


def asked(shop: ChangingShop, model: Path, *, with_warnings: bool = False) -> Question:
    return Question(shop.catalog, {"champion": model}, with_warnings, 60.0)


def saying(script: str, timeout_seconds: float = 60.0) -> Canary:
    """Return a canary that runs a script instead."""
    return Canary(timeout_seconds, (sys.executable, "-c", script))


def test_a_sound_model_is_proved(shop: ChangingShop, model: Path) -> None:
    assert Canary().findings(asked(shop, model)) == ()


def test_faults_come_back_with_their_places(shop: ChangingShop, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(shop.catalog, tmp_path / "broken"))
    (broken / "actions" / "offers.yaml").write_text(BROKEN)
    (fault,) = Canary().findings(Question(broken, {}, False, 60.0))
    assert (fault.part, fault.file, fault.line) == (Part.CATALOG, "actions/offers.yaml", 2)
    assert not fault.warning


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("import os; os.abort()", "SIGABRT"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("print('no findings')", "exit code 0"),
        ("print('[{}]')", "exit code 0"),
    ],
)
def test_a_process_that_ends_badly_is_a_finding(
    shop: ChangingShop, model: Path, script: str, told: str
) -> None:
    (finding,) = saying(script).findings(asked(shop, model))
    assert finding.part is Part.MODEL
    assert told in finding.message


def test_a_process_that_hangs_is_killed_in_time(shop: ChangingShop, model: Path) -> None:
    (finding,) = saying("import threading; threading.Event().wait()", 0.3).findings(asked(shop, model))
    assert finding == Finding(Part.MODEL, "the check did not end within 0.3 seconds and was killed")


def test_nothing_is_started_once_the_service_stops(shop: ChangingShop, model: Path) -> None:
    canary = Canary()
    canary.stop()
    assert canary.findings(asked(shop, model))[0].message == "the service stops"


def test_models_that_serve_already_are_not_loaded_again(shop: ChangingShop, tmp_path: Path) -> None:
    digest, nothing = feature_spec(load_catalog(shop.catalog)).digest, {"champion": tmp_path / "nothing"}
    assert prove(Question(shop.catalog, nothing, False, 60.0, ("champion",), digest)) == ()
    (other,) = prove(Question(shop.catalog, nothing, False, 60.0, ("champion",), "of other features"))
    assert other.part is Part.MODEL


def test_warnings_are_told_where_somebody_asks(shop: ChangingShop, model: Path) -> None:
    found = prove(asked(shop, model, with_warnings=True))
    assert found
    assert all(finding.warning for finding in found)


def damages(model: Path) -> Iterator[str]:
    """Damage one file after the other, each in its own way, and put it right again."""
    dice = random.Random(20240315)
    for number in range(DAMAGES):
        file = model / dice.choice([name for name in MODEL_FILES if (model / name).exists()])
        sound = file.read_bytes()
        content = bytearray(sound)
        match number % 4:
            case 0:
                place = dice.randrange(len(content))
                content[place] ^= 1 << dice.randrange(8)
            case 1:
                del content[dice.randrange(len(content)) :]
            case 2:
                place = dice.randrange(len(content))
                content[place : place + 16] = dice.randbytes(16)
            case _:
                content[:] = content.replace(b"1", b"9", dice.randrange(1, 20))
        file.write_bytes(content)
        yield f"{number}: {file.name}"
        file.write_bytes(sound)


def test_no_damage_to_a_model_raises_anything_but_a_finding(shop: ChangingShop, model: Path) -> None:
    refused = 0
    for which in damages(model):
        findings = prove(asked(shop, model))
        assert all(finding.part is Part.MODEL for finding in findings), which
        refused += bool(findings)
    assert prove(asked(shop, model)) == ()
    # Some bytes say nothing of what serves: those of the manifest's notes on training.
    assert refused >= DAMAGES * 3 // 4
