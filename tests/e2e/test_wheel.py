"""The wheel carries everything that the product needs, and works away from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

NEEDED = [
    "nextbest/v1/decision_pb2.py",
    "nextbest_rules/catalogs/grocery/catalog.yaml",
    "nextbest_rules/catalogs/grocery/features.yaml",
    "nextbest_rules/catalogs/grocery/actions/campaign-18.yaml",
    "nextbest_models/recipes/grocery.toml",
    "nextbest_service/store/register_affinity_keys.lua",
    "nextbest_service/py.typed",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The wheel, built from the checkout."""
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(target),
            str(repository),
        ],
        check=True,
        capture_output=True,
    )
    return next(target.glob("*.whl"))


def test_the_wheel_holds_code_contract_catalog_and_recipe(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert [name for name in NEEDED if name not in names] == []


def test_the_wheel_holds_nothing_that_only_developers_need(wheel: Path) -> None:
    roots = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {
        "nextbest",
        "nextbest_rules",
        "nextbest_models",
        "nextbest_service",
    }


def test_the_installed_wheel_finds_its_catalog_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = (
        "from nextbest_rules import load_catalog\n"
        "from nextbest_service.catalogs import find_catalog\n"
        "from nextbest_service.cli.steps import shipped_recipe\n"
        "print(find_catalog('grocery'), shipped_recipe('grocery').exists())\n"
        "print(len(load_catalog(find_catalog('grocery')).actions))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path / "site") in shown.stdout
    assert shown.stdout.split() == [
        str(tmp_path / "site" / "nextbest_rules" / "catalogs" / "grocery"),
        "True",
        "1198",
    ]
