"""Who may know whom: rooms stand on floors and know those below; few know Lightning, diffusers or PEFT."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ttom_pl"
FILES = {
    ".".join(("ttom_pl", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FLOORS = (
    {"layout"},
    {"io", "scene"},
    {"backbones", "chat", "memory", "prompts", "sprites"},
    {"planners", "rehearsal"},
    {"run"},
    {"evaluation", "recall"},
    {"probe"},
    {"report"},
    {"callbacks"},
    {"stream"},
    {"cli"},
)
"""The rooms, from the ground up: each knows rooms of the floors below alone, none of its own floor."""
PURE = (
    "ttom_pl.layout",
    "ttom_pl.io",
    "ttom_pl.scene",
    "ttom_pl.memory",
    "ttom_pl.recall",
    "ttom_pl.run",
    "ttom_pl.planners",
    "ttom_pl.chat",
    "ttom_pl.prompts.readers",
    "ttom_pl.prompts.layout_files",
    "ttom_pl.evaluation.judge",
    "ttom_pl.evaluation.metrics",
)
"""Know neither Lightning nor diffusers nor PEFT nor transformers, not even by way of another module."""
PRETRAINING = ("ttom_pl.sprites.data", "ttom_pl.sprites.text", "ttom_pl.sprites.vae", "ttom_pl.sprites.text_to_video")
KNOW_DIFFUSERS = ("ttom_pl.backbones", "ttom_pl.cli._quiet", *PRETRAINING)
KNOW_LIGHTNING = (
    "ttom_pl.prompts.datamodule",
    "ttom_pl.rehearsal",
    "ttom_pl.stream",
    "ttom_pl.callbacks",
    "ttom_pl.cli",
    *PRETRAINING,
)


def room(module: str) -> str:
    """The top-level package or module that a module is in; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


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
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        if not all(name in FILES for name in names):  # the package itself, not only modules in it
            yield node.module
        yield from names


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


def known_modules(module: str) -> set[str]:
    """The modules of this package that a module imports itself."""
    return {name for name in imports(module) if name in FILES} - {module}


def test_every_room_stands_on_a_floor() -> None:
    rooms = {room(name) for name in FILES} - {"", "__main__"}
    assert sorted(name for floor in FLOORS for name in floor) == sorted(rooms)


@pytest.mark.parametrize("module", [name for name in FILES if room(name) not in {"", "__main__"}])
def test_rooms_know_the_floors_below(module: str) -> None:
    level = next(number for number, floor in enumerate(FLOORS) if room(module) in floor)
    allowed = {"", room(module)}.union(*FLOORS[:level])
    above = {name for name in known_modules(module) if room(name) not in allowed}
    assert not above, f"{room(module)} stands on floor {level}, and {module} imports {sorted(above)}"


def test_the_floors_are_those_of_the_documentation() -> None:
    text = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    assert {int(floor): set(re.findall(r"\w+", rooms)) for floor, rooms in rows} == dict(enumerate(FLOORS))


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Names that lead back to the first of them; empty where there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_between_rooms() -> None:
    """Whatever the floors say."""
    graph: dict[str, set[str]] = {room(name): set() for name in FILES}
    for name in FILES:
        graph[room(name)] |= {room(other) for other in known_modules(name)} - {room(name), ""}
    assert not circle(graph)


def test_no_circle_between_modules() -> None:
    """A package counts as what its ``__init__`` imports."""
    assert not circle({name: known_modules(name) for name in FILES})


def test_circles_are_seen() -> None:
    """Guards the tests above."""
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert not circle({"a": {"b", "c"}, "b": {"c"}})
    assert "ttom_pl.layout.schema" in known_modules("ttom_pl.prompts.readers")


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
    assert "ttom_pl.layout.schema" in reachable("ttom_pl.recall.keys")
