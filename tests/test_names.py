"""Names say what a thing is: none is called ``each``, ``own``, ``given`` or ``found``."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ttom_pl"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
EMPTY = frozenset({"each", "own", "given", "found"})
PUBLIC = {
    ("backbones/schedule.py", "Schedule.scheduler_from", "own"),
    ("backbones/schedule.py", "shifted", "own"),
    ("backbones/schedule.py", "with_arguments", "own"),
    ("recall/policy.py", "RecallPolicy.answers", "found"),
    ("recall/scene_memory.py", "KeyPolicy.embedder", "own"),
}
"""File, function and name of parameters that callers outside the package may pass as keyword arguments."""

BINDINGS = {
    "import found": ["found"],
    "from json import loads as own": ["own"],
    "own = 1": ["own"],
    "each: int = 2": ["each"],
    "a, (*given, b) = c": ["given"],
    "for found in []: pass": ["found"],
    "if (found := 1): pass": ["found"],
    "with open('a') as own: pass": ["own"],
    "try: pass\nexcept OSError as given: pass": ["given"],
    "match 1:\n    case [each, *own]: pass": ["each", "own"],
    "match 1:\n    case {'a': 1, **given}: pass": ["given"],
    "match 1:\n    case int() as found: pass": ["found"],
    "y = [0 for each in z for own in each]": ["each", "own"],
    "f = lambda given: f'{given}'": ["given"],
    "self.found = self.own": ["found"],
    "self.each += 1": ["each"],
    "def own(given, /, found, *each, own, **_given): pass": ["own", "given", "found", "each", "own", "_given"],
    "class Found:\n    async def each(self): pass": ["each"],
    "def outer():\n    def inner(__own): pass": ["__own"],
    "print(each, own.given, found=1)": [],
    "each_of_them, known, _ = 1, 2, 3": [],
}
"""Ways to bind a name, and what of it is empty."""


def bound(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, str, int]]:
    """Yield the scope, the name and the line of all that is bound in a tree: variables, attributes, parameters."""
    for node in ast.iter_child_nodes(tree):
        yield from ((scope, name, getattr(node, "lineno", 0)) for name in _names(node))
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from bound(node, f"{scope}.{node.name}".removeprefix(".") if named else scope)


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)) | ast.alias(asname=str(name)) | ast.alias(name=name):
            return [name]
    return []


def empty(source: str) -> list[tuple[str, str, int]]:
    """Return scope, name and line of what has an empty name, with or without underscores before it."""
    return [(*names, line) for *names, line in bound(ast.parse(source)) if names[-1].lstrip("_") in EMPTY]


@pytest.mark.parametrize("file", FILES)
def test_names_say_what_a_thing_is(file: str) -> None:
    names = empty(FILES[file].read_text(encoding="utf-8"))
    wrong = [f"{file}:{line}: {name}" for scope, name, line in names if (file, scope, name) not in PUBLIC]
    assert not wrong, f"name these by what they are: {', '.join(wrong)}"


def test_exceptions_are_still_there() -> None:
    names = {(file, scope, name) for file, path in FILES.items() for scope, name, _ in empty(path.read_text("utf-8"))}
    assert names >= PUBLIC


@pytest.mark.parametrize("source", BINDINGS)
def test_every_way_to_bind_a_name_is_seen(source: str) -> None:
    assert sorted(name for _, name, _ in empty(source)) == sorted(BINDINGS[source])


def test_a_parameter_is_in_the_scope_of_its_function() -> None:
    source = "class Chat:\n    def ask(self, own):\n        found = own"
    assert empty(source) == [("Chat.ask", "own", 2), ("Chat.ask", "found", 3)]
