"""Prompts written as objects: JSON lines, JSON lists such as T2V-CompBench's metadata, and tables."""

import csv
import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ttom_pl.layout.form import FormError, check_form, parse_json, short
from ttom_pl.layout.schema import Layout
from ttom_pl.prompts.members import Member
from ttom_pl.prompts.prompt import Prompt, PromptError

_OTHER_NAMES = {"prompt": ("short", "prompt_en"), "long": ("enriched_prompt",)}
_FIELDS = frozenset({"id", "image", *_OTHER_NAMES, *(name for names in _OTHER_NAMES.values() for name in names)})


def read_prompt(data: Any, number: int, where: str) -> Prompt:
    """Read an object with ``"prompt"`` and what else it says.

    With ``"tracks"`` it is a layout. Otherwise what is not named here is kept as metadata, e.g. ``{"prompt": ...,
    "object_1": "cat", "d_1": "left"}`` of T2V-CompBench. ``"id"``, ``"image"``, the path of the image that the video
    starts from, and ``"long"``, the prompt that it is made from where that is not the one to plan from, go with both.
    ``"short"`` and VBench's ``"prompt_en"`` are other names of ``"prompt"``, ``"enriched_prompt"`` of ``"long"``.

    Args:
        data: the object.
        number: its place in the file, its name where it has no ``"id"``.
        where: file and line, for errors.

    Raises:
        PromptError: if the prompt is missing, the image is no path, the long prompt is no text or the layout cannot be
            used.
    """
    try:
        check_form(data)
    except FormError as error:
        raise PromptError(f"{where}: {error}") from None
    data = _with_usual_names(data) if isinstance(data, Mapping) else {"prompt": data}
    prompt, long = data.get("prompt"), data.get("long") or ""
    if not isinstance(prompt, str) or not prompt.strip():
        raise PromptError(f"{where}: field 'prompt' must be a non-empty text, got {short(data)}")
    if not isinstance(long, str):
        raise PromptError(f"{where}: field 'long' must be the text that the video is made from, got {short(long)}")
    id = _id(data.get("id"), number, where)
    rest = {name: value for name, value in data.items() if name not in ("id", "prompt", "image", "long")}
    image, long = _image(data.get("image"), where), " ".join(long.split())
    if "tracks" not in data:
        return Prompt(id, " ".join(prompt.split()), metadata=rest, image=image, long=long)
    try:
        layout = Layout.from_dict({**rest, "id": id, "prompt": prompt})
    except ValueError as error:
        raise PromptError(f"{where}: {error}") from None
    return Prompt(id, layout.original_prompt or layout.prompt, layout, image=image, long=long)


def _with_usual_names(data: Mapping[str, Any]) -> dict[str, Any]:
    names = {other: usual for usual, others in _OTHER_NAMES.items() if usual not in data for other in others}
    return {names.get(name, name): value for name, value in data.items()}


def _id(value: Any, number: int, where: str) -> str:
    if value is None or value == "":
        return f"{number:04d}"
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise PromptError(f"{where}: field 'id' must be a text or a whole number, got {short(value)}")
    return str(value)


def _image(name: Any, where: str) -> Path | None:
    if name is not None and not isinstance(name, str):
        raise PromptError(f"{where}: field 'image' must be the path of an image, got {short(name)}")
    return Path(name) if name else None


def read_json_lines(text: str, path: str) -> list[Prompt]:
    """Read an object a line; see :func:`read_prompt`."""
    prompts = []
    for number, line in enumerate(text.split("\n"), start=1):
        where = f"{path}, line {number}"
        if line.strip():
            try:
                data = parse_json(line)
            except json.JSONDecodeError as error:
                raise PromptError(
                    f"{where}, column {error.colno}: not JSON ({error.msg}); give one object a line"
                ) from None
            except FormError as error:
                raise PromptError(f"{where}: {error}") from None
            prompts.append(read_prompt(data, number, where))
    return prompts


def read_json_list(records: list[Member], path: str) -> list[Prompt]:
    """Read a list of objects; see :func:`read_prompt`."""
    return [
        read_prompt(member.value, number, f"{path}, line {member.line}")
        for number, member in enumerate(records, start=1)
    ]


def read_table(text: str, path: str) -> list[Prompt]:
    """Read a table with a column ``prompt``, perhaps ``id``, ``image`` and ``long``; the rest is kept as metadata.

    See :func:`read_prompt`.

    Cells are separated by commas, semicolons or tabs; a quoted cell may hold them, and line breaks.
    """
    header = text.split("\n", 1)[0]
    rows = csv.DictReader(StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    prompts: list[Prompt] = []
    try:
        columns = [_field(name) for name in rows.fieldnames or ()]
        fields = dict(zip(rows.fieldnames or (), columns, strict=True))
        twice = next((name for name in columns if name and columns.count(name) > 1), None)
        if twice is not None:
            raise PromptError(f"{path}, line 1: the column {twice!r} is there twice; leave one of them")
        if "prompt" not in _with_usual_names(dict.fromkeys(fields.values())):
            raise PromptError(f"{path}, line 1: there is no column 'prompt'; the header is {header!r}")
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            if None in row:
                raise PromptError(f"{where}: more cells than the header has columns; quote a cell that holds a comma")
            cells = {field: row[name] or "" for name, field in fields.items()}
            if any(cells.values()):
                prompts.append(read_prompt(cells, len(prompts) + 1, where))
    except csv.Error as error:
        where = f"{path}, line {rows.reader.line_num}"
        raise PromptError(f"{where}: not a table ({error}); close the quotes, or shorten the cell") from None
    return prompts


def _field(column: str) -> str:
    plain = column.strip().casefold()
    return plain if plain in _FIELDS else column.strip()
