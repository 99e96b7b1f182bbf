"""Who may know whom: layout, losses, attention, keys and memory know neither Lightning nor diffusers nor PEFT."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ttom_pl"
FILES = {
    ".".join(("ttom_pl", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
PURE = (
    "ttom_pl.layout",
    "ttom_pl.losses",
    "ttom_pl.attention",
    "ttom_pl.keys",
    "ttom_pl.memory",
    "ttom_pl.recall",
    "ttom_pl.run",
    "ttom_pl.scene",
    "ttom_pl.planners",
    "ttom_pl.chat",
    "ttom_pl.judge",
    "ttom_pl.metrics",
)
PRETRAINING = ("ttom_pl.sprites.data", "ttom_pl.sprites.text", "ttom_pl.sprites.vae", "ttom_pl.sprites.text_to_video")
KNOW_DIFFUSERS = ("ttom_pl.backbones", "ttom_pl.cli._quiet", *PRETRAINING)
KNOW_LIGHTNING = (
    "ttom_pl.prompts",
    "ttom_pl.rehearsal",
    "ttom_pl.stream",
    "ttom_pl.callbacks",
    "ttom_pl.cli",
    *PRETRAINING,
)


def belongs(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of, or inside one of, the packages."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@cache
def imports(module: str) -> frozenset[str]:
    """All that a module imports at run time, anywhere in it, by full names; an imported name counts as a module."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    return frozenset(name for node in _nodes(tree) for name in _names(node))


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of ``if TYPE_CHECKING:``."""
    if isinstance(tree, ast.If) and isinstance(tree.test, ast.Name) and tree.test.id == "TYPE_CHECKING":
        return
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from _nodes(child)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        assert node.module is not None
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reachable(module: str) -> set[str]:
    """The modules of this package that are loaded with a module, packages above them included."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name not in FILES:
            continue
        found.add(name)
        waiting += imports(name)
        waiting += [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
    return found


@pytest.mark.parametrize("module", [name for name in FILES if belongs(name, PURE)])
def test_pure_modules(module: str) -> None:
    """Not even by way of another module."""
    for each in reachable(module):
        foreign = {name.split(".")[0] for name in imports(each)} & {"lightning", "diffusers", "peft", "transformers"}
        assert not foreign, f"{module} imports {each}, which imports {foreign}"


@pytest.mark.parametrize("module", list(FILES))
def test_who_knows_diffusers_and_peft(module: str) -> None:
    if {"diffusers", "peft"} & {name.split(".")[0] for name in imports(module)}:
        assert belongs(module, KNOW_DIFFUSERS)


@pytest.mark.parametrize("module", list(FILES))
def test_who_knows_lightning(module: str) -> None:
    if {"lightning", "pytorch_lightning"} & {name.split(".")[0] for name in imports(module)}:
        assert belongs(module, KNOW_LIGHTNING)


@pytest.mark.parametrize("module", [name for name in FILES if belongs(name, PURE)])
def test_pure_modules_know_nothing_of_the_path_above_them(module: str) -> None:
    above = {name for name in reachable(module) if belongs(name, (*KNOW_DIFFUSERS, *KNOW_LIGHTNING))}
    assert not above


def test_the_rule_is_not_empty() -> None:
    """Guards the test itself: the names above exist, and the parser sees imports."""
    for package in (*PURE, *KNOW_DIFFUSERS, *KNOW_LIGHTNING):
        assert any(belongs(name, (package,)) for name in FILES), package
    assert "diffusers" in imports("ttom_pl.backbones.wan")
    assert "ttom_pl.layout.schema" in reachable("ttom_pl.keys")
