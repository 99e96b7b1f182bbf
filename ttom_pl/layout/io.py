"""Layouts on disk: JSON lines, one prompt a line."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from ttom_pl.layout.schema import Layout, LayoutError


def read_layouts(path: Path | str) -> Iterator[Layout]:
    """Read the layouts of a JSON-lines file, one after the other; empty lines are skipped.

    Args:
        path: the file, as :func:`write_layouts` or a person wrote it.

    Raises:
        LayoutError: if a line is not JSON or not a usable layout; the message names the file, the line and the field.
    """
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _parse(line, f"{path}, line {number}")


def write_layouts(path: Path | str, layouts: Iterable[Layout]) -> None:
    """Write layouts to a JSON-lines file, one a line, in place of what it held.

    Args:
        path: the file; its folder is made when missing.
        layouts: what to write.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(layout.to_dict(), ensure_ascii=False) + "\n" for layout in layouts)


def _parse(line: str, where: str) -> Layout:
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise LayoutError(f"{where}, column {error.colno}: not JSON ({error.msg}); give one layout a line") from None
    if not isinstance(data, dict):
        raise LayoutError(f"{where}: a layout is an object with 'prompt' and 'tracks', got {line.strip()[:60]!r}")
    try:
        return Layout.from_dict(data)
    except LayoutError as error:
        raise LayoutError(f"{where}: {error}") from None
