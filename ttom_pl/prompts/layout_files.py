"""Layouts on disk: JSON lines, one prompt a line."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ttom_pl.io.whole_files import replacing
from ttom_pl.layout.form import FormError, check_form, parse_json
from ttom_pl.layout.schema import Layout, LayoutError

_BESIDE = frozenset({"image", "long"})


def read_layouts(path: Path | str) -> Iterator[Layout]:
    """Read the layouts of a JSON-lines file, one after the other; empty lines are skipped.

    An ``image`` or a ``long`` prompt beside a layout is left to the prompt's reader,
    :func:`~ttom_pl.prompts.readers.read_any`.

    Args:
        path: the file, as :func:`write_layouts` or a person wrote it.

    Raises:
        LayoutError: if a line is not JSON or not a usable layout; the message names the file, the line and the field.
    """
    with open(path, encoding="utf-8-sig") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parse(line, f"{path}, line {number}")
        except UnicodeDecodeError as error:
            raise LayoutError(f"{path} is not text: {error.reason}; save it as UTF-8") from None


def write_layouts(path: Path | str, layouts: Iterable[Layout], images: Mapping[str, Path] | None = None) -> None:
    """Write layouts to a JSON-lines file, one a line, in place of what it held once all are written.

    Args:
        path: the file; its folder is made when missing.
        layouts: what to write.
        images: the images that prompts start from, by the ids of their layouts; written relative to the file unless
            they are absolute.
    """
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished, open(unfinished, "w", encoding="utf-8") as file:
        for layout in layouts:
            image = (images or {}).get(layout.id)
            beside = {} if image is None else {"image": _relative(image, folder)}
            file.write(json.dumps(layout.to_dict() | beside, ensure_ascii=False) + "\n")


def _relative(image: Path, folder: Path) -> str:
    return str(image) if image.is_absolute() else os.path.relpath(image, folder)


def _parse(line: str, where: str) -> Layout:
    try:
        data = parse_json(line)
        check_form(data)
    except json.JSONDecodeError as error:
        raise LayoutError(f"{where}, column {error.colno}: not JSON ({error.msg}); give one layout a line") from None
    except FormError as error:
        raise LayoutError(f"{where}: {error}") from None
    if not isinstance(data, dict):
        raise LayoutError(f"{where}: a layout is an object with 'prompt' and 'tracks', got {line.strip()[:60]!r}")
    try:
        return Layout.from_dict({name: value for name, value in data.items() if name not in _BESIDE})
    except LayoutError as error:
        raise LayoutError(f"{where}: {error}") from None
