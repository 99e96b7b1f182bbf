"""Files that come with the package are found from every folder; what is nearer goes first."""

from pathlib import Path

import pytest

from ttom_pl.io import shipped as module
from ttom_pl.io.shipped import FOLDERS, shipped, shipped_root

ROOT = Path(__file__).parents[2]


def test_a_checkout_is_its_own_root() -> None:
    assert shipped_root() == ROOT
    assert all((ROOT / folder).is_dir() for folder in FOLDERS)


@pytest.mark.parametrize("path", ["checkpoints/sprites", "checkpoints/sprites/vae", "configs/prompts.txt"])
def test_found_from_another_folder(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped(path) == ROOT / path


def test_the_nearer_one_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "prompts.txt").touch()
    monkeypatch.chdir(tmp_path)
    assert shipped("configs/prompts.txt") == Path("configs/prompts.txt")
    assert shipped("configs/sprites_prompts.txt") == ROOT / "configs" / "sprites_prompts.txt"


@pytest.mark.parametrize(
    "path", ["README.md", "pyproject.toml", "configs/nowhere.txt", "configs/../README.md", "/configs/prompts.txt", ""]
)
def test_nothing_else_is(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the repository, one that is not there, or one that lies outside of what is shipped."""
    monkeypatch.chdir(tmp_path)
    assert shipped(path) == Path(path)


def test_an_installed_package_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that another package has put beside it do not count."""
    inside = tmp_path / "site-packages" / "ttom_pl" / "shipped"
    for folder in (inside, inside.parents[1]):
        (folder / "configs").mkdir(parents=True)
        (folder / "configs" / "a.txt").touch()
    monkeypatch.setattr(module, "_INSTALLED", inside)
    monkeypatch.setattr(module, "_PACKAGE", inside.parent)
    monkeypatch.chdir(tmp_path)
    assert shipped("configs/a.txt") == inside / "configs" / "a.txt"
