"""Pages of the site that are no files in ``docs``: the README, the reference, and whatever pages link to elsewhere.

In the repository pages link to its files as one does there, e.g. ``../ttom_pl/scene.py``. The site holds a page for
each such file (text in a block of code) or the file itself (pictures), and the links are turned to these.
"""

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PICTURES = {".png", ".svg", ".gif", ".jpg"}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)\s#]+)(#[^)\s]*)?(?=\))")
"""Target and anchor of a link or a picture to a file."""
CODE = re.compile(r"^(`{3,}).*?^\1\s*?$|``.+?``|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LANGUAGES = {".py": "python", ".yaml": "yaml", ".sh": "sh", ".json": "json"}
README, INDEX = "README.md", "index.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and all that they lead to; let every page link to pages of the site."""
    waiting = [f"docs/{file.src_uri}" for file in files.documentation_pages()] + [README, "CHANGELOG.md"]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        text = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else _listing(path)
        is_markdown = path.endswith(".md")
        targets = list(_targets(path, text)) if is_markdown else []
        content = _turned(path, text) if is_markdown else _as_code(path, text)
        _put(files, File.generated(config, place(path), content=content))
        for target in targets:
            if target in seen:
                continue
            seen.add(target)
            if PurePosixPath(target).suffix not in PICTURES:
                waiting.append(target)
            elif not target.startswith("docs/"):
                _put(files, File.generated(config, place(target), abs_src_path=str(ROOT / target)))
    for name, content in reference().items():
        _put(files, File.generated(config, name, content=content))
    return files


def place(path: str) -> str:
    """Return where in the site a file of the repository is, as a source of the site.

    Args:
        path: relative to the repository, e.g. ``docs/memory.md`` or ``ttom_pl/scene.py``.
    """
    if path == README:
        return INDEX
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if PurePosixPath(path).suffix in {".md", *PICTURES}:
        return path if path == "CHANGELOG.md" else f"repository/{path.replace(README, 'about.md')}"
    return f"repository/{path}.md"


def reference() -> dict[str, str]:
    """Return the pages of the reference, one for each room of the package, and a page that lists them."""
    pages = {}
    lines = [
        "# Reference",
        "",
        "From the docstrings, a page for each room of the package; see [design](../design.md).",
        "",
    ]
    for path in sorted((ROOT / "ttom_pl").iterdir()):
        name = path.stem
        if name.startswith("_") or not (path.suffix == ".py" or (path / "__init__.py").is_file()):
            continue
        source = (path if path.suffix else path / "__init__.py").read_text(encoding="utf-8")
        first = source.split('"""')[1].split("\n")[0] if source.startswith('"""') else ""
        pages[f"reference/{name}.md"] = f"# {name}\n\n::: ttom_pl.{name}\n"
        lines.append(f"- [`ttom_pl.{name}`]({name}.md): {first}")
    return {"reference/index.md": "\n".join(lines) + "\n"} | pages


def _put(files: Files, file: File) -> None:
    there = files.get_file_from_path(file.src_uri)
    if there is not None:
        files.remove(there)
    files.append(file)


def _outside_code(text: str) -> list[tuple[int, int]]:
    """Spans of a text that are no code, in which a bracket is a link."""
    edges = [0, *(edge for match in CODE.finditer(text) for edge in match.span()), len(text)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _targets(path: str, text: str) -> list[str]:
    found = [match[1] for start, end in _outside_code(text) for match in LINK.finditer(text, start, end)]
    return [target for target in (_resolved(path, link) for link in found) if (ROOT / target).exists()]


def _resolved(path: str, link: str) -> str:
    """Return what a link of a file means, relative to the repository; a folder by what it has to say of itself."""
    target = os.path.normpath((PurePosixPath(path).parent / link).as_posix()).replace(os.sep, "/")
    if (ROOT / target).is_dir():
        inside = next((name for name in (README, "__init__.py") if (ROOT / target / name).is_file()), None)
        return f"{target}/{inside}" if inside else target
    return target


def _turned(path: str, text: str) -> str:
    """Return the text of a page with its links turned to pages of the site; those that lead nowhere stay."""
    here = PurePosixPath(place(path)).parent.as_posix()

    def turn(match: re.Match[str]) -> str:
        target = _resolved(path, match[1])
        if not (ROOT / target).exists():
            return match[0]
        return os.path.relpath(place(target), here).replace(os.sep, "/") + (match[2] or "")

    pieces, last = [], 0
    for start, end in _outside_code(text):
        pieces += [text[last:start], LINK.sub(turn, text[start:end])]
        last = end
    return "".join(pieces) + text[last:]


def _listing(path: str) -> str:
    return "\n".join(sorted(file.name for file in (ROOT / path).iterdir() if not file.name.startswith("_")))


def _as_code(path: str, text: str) -> str:
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    language = LANGUAGES.get(PurePosixPath(path).suffix, "text")
    return f"# `{path}`\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"
