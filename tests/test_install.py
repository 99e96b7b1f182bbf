"""Packages that are built and installed: in an environment of their own, away from the repository.

What the package needs is taken from the environment of the tests, so that nothing is downloaded.
"""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from ttom_pl.evaluation.compare import compare
from ttom_pl.run import read_results

ROOT = Path(__file__).parents[1]
NEEDED = [name for name in ("build", "hatchling", "pip") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason=f"{', '.join(NEEDED)} not installed: pip install -e '.[dev]'")
RUN_BY = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}


def files(*folders: str) -> dict[str, bytes]:
    """Content of the files below folders of the repository, but for what Python leaves there."""
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel, made from the sdist, and the sdist."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of an environment in which the wheel is installed."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False, symlinks=True)
    programs = home / "bin"
    command = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--no-deps", "--no-index"]
    done = subprocess.run([*command, str(built[0])], capture_output=True, text=True, check=False, env=clean())
    assert done.returncode == 0, done.stdout + done.stderr
    (packages,) = home.glob("lib/python*/site-packages")
    # Its own files go first; an editable installation over there is not looked at, since links of links do not count.
    shared = dict.fromkeys([*sysconfig.get_paths(vars={}).values(), *sys.path])
    (packages / "shared.pth").write_text("\n".join(path for path in shared if Path(path).name == "site-packages"))
    return programs


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in RUN_BY}


def ttom(programs: Path, folder: Path, *words: str) -> str:
    """Run the installed command in a folder."""
    done = subprocess.run(
        [str(programs / "ttom"), *words], cwd=folder, env=clean(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_every_file(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        inside = {name: wheel.read(name) for name in wheel.namelist() if name.startswith("ttom_pl/")}
    shipped = {f"ttom_pl/shipped/{name}": content for name, content in files("configs", "checkpoints").items()}
    assert inside == files("ttom_pl") | shipped


def test_the_sdist_has_what_tests_and_pages_need(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    folders = ("ttom_pl", "configs", "checkpoints", "tests", "docs", "benchmarks")
    assert inside >= {*files(*folders), "README.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml"}
    assert not any(name.startswith((".git/", ".venv", "runs", "dist")) for name in inside)


def test_the_demo_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    out = ttom(installed, tmp_path, "demo", "--out", "demo", "--limit", "1")
    assert "TTOM with memory" in out
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    folders = [tmp_path / "demo" / name for name in ("plain", "cold", "memory")]
    results = [read_results(folder).served["0001"] for folder in folders]
    assert [bool(result.updates) for result in results] == [False, True, True]
    assert compare([[folder] for folder in folders], ["a", "b", "c"]).table([]) is not None
    for name in ("table.md", "contact_sheet.png", "memory/report.html", "memory/videos/0001.mp4"):
        assert (tmp_path / "demo" / name).stat().st_size
    assert "memory" not in [path.name for path in folders[1].iterdir()]


def test_what_runs_is_what_was_installed(installed: Path, tmp_path: Path) -> None:
    """Not the repository, whose editable installation lies in the environment that the libraries come from."""
    code = "import ttom_pl; from ttom_pl.io.shipped import shipped_root; print(ttom_pl.__file__); print(shipped_root())"
    done = subprocess.run(
        [str(installed / "python"), "-c", code], cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True
    )
    module, root = map(Path, done.stdout.splitlines())
    assert installed.parent in module.parents
    assert root == module.parent / "shipped"


def test_configs_are_named_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    for words in (["sprites"], ["configs/wan2.1-1.3b.yaml", "--config", "methods/joint"]):
        config = yaml.safe_load(ttom(installed, tmp_path, "stream", "--config", *words, "--print_config"))
        assert config["model"]["backbone"]["init_args"]["pretrained"]
    ttom(installed, tmp_path, "plan", "configs/prompts.txt", "--out", "layouts.jsonl")
    assert len((tmp_path / "layouts.jsonl").read_text().splitlines()) == len(
        files("configs")["configs/prompts.txt"].splitlines()
    )
