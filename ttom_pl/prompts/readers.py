"""Prompts, with or without layouts, from any file that holds them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttom_pl.io.shipped import shipped
from ttom_pl.layout.form import FormError, check_text, parse_json, short
from ttom_pl.layout.schema import LayoutError
from ttom_pl.layout.text import layout_as_read
from ttom_pl.prompts.authors import read_authors_cache
from ttom_pl.prompts.lists import read_json_lines, read_json_list, read_prompt, read_table
from ttom_pl.prompts.lvd import read_lvd_cache
from ttom_pl.prompts.members import members
from ttom_pl.prompts.prompt import Prompt, PromptError
from ttom_pl.prompts.vbench import join_repeats

KINDS = "a prompt a line (.txt), a table (.csv), JSON lines, or a layout cache of TTOM's authors or of LVD (.json)"

COMPBENCH_FILES = {
    "consistent_attribute_binding": "consistent_attribute",
    "dynamic_attribute_binding": "dynamic_attribute",
    "spatial_relationships": "spatial_relationship",
    "motion_binding": "motion_binding",
    "action_binding": "action_binding",
    "object_interactions": "object_interactions",
    "generative_numeracy": "generative_numeracy",
}
"""Names of the metrics by the stems of T2V-CompBench's prompt files."""


def read_any(path: Path | str, long: Path | str | None = None) -> list[Prompt]:
    """Read the prompts of a file; what kind of file it is, its content says.

    - text: a prompt a line;
    - a table (``.csv``, ``.tsv``) with a column ``prompt``, perhaps ``id``, and others;
    - JSON lines or a JSON list of objects with ``prompt``: layouts where they have ``tracks``, else prompts with
      metadata (T2V-CompBench, and ``VBench_full_info.json``, whose repeats are taken together);
    - a layout cache of TTOM's authors;
    - a layout cache of LVD;
    - a JSON object of lists of such objects, each list under its category.

    An ``image`` of a table, of JSON lines or of a JSON list is a path relative to the file. Where a file is named as
    T2V-CompBench names its own, e.g. ``object_interactions.json``, prompts without metadata get its ``category``.

    Args:
        path: the file; those that come with the package are found from every folder (``configs/prompts.txt``).
        long: a second file with the prompts that the videos are made from, one for each prompt and in the same order,
            as VBench has them (``all_dimension.txt`` and ``all_dimension_longer.txt``).

    Raises:
        PromptError: if a file is missing, empty or not text, if an entry is malformed or an id repeats, or if there are
            more or fewer long prompts than prompts; the message names the file, the line and the field.
    """
    prompts = _read(path)
    if long is None:
        return join_repeats(prompts)
    texts = [line.long or line.text for line in _read(long)]
    if len(texts) != len(prompts):
        raise PromptError(f"{long} holds {len(texts)} prompts and {path} {len(prompts)}; give one long prompt for each")
    return join_repeats([replace(prompt, long=text) for prompt, text in zip(prompts, texts, strict=True)])


def _read(path: Path | str) -> list[Prompt]:
    path = shipped(path)
    text = _text(path)
    prompts = _parse(text, path)
    if not prompts:
        raise PromptError(f"{path} holds no prompt; write one a line")
    _check_ids(prompts, path)
    return [_placed(prompt, path) for prompt in prompts]


def _placed(prompt: Prompt, path: Path) -> Prompt:
    """Add what the place and the name of the file say; let its layout be of the prompt as it is read."""
    if prompt.layout is not None:
        try:
            prompt = replace(prompt, layout=layout_as_read(prompt.layout))
        except LayoutError as error:
            raise PromptError(f"{path}, prompt {prompt.id!r}: {error}") from None
    if prompt.image is not None:
        prompt = replace(prompt, image=path.parent / prompt.image)
    if path.stem in COMPBENCH_FILES and not prompt.metadata:
        prompt = replace(prompt, metadata={"category": COMPBENCH_FILES[path.stem]})
    return prompt


def _text(path: Path) -> str:
    if not path.is_file():
        raise PromptError(f"no prompt file {str(path)!r}; give {KINDS}")
    try:
        # Not splitlines: U+2028 and the like may stand within a prompt.
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise PromptError(f"{path} is not text: byte {error.start} is not UTF-8; save it as UTF-8") from None
    if "\0" in text:
        raise PromptError(f"{path} is not text: it holds NUL bytes; give {KINDS}")
    return text


def _parse(text: str, path: Path) -> list[Prompt]:
    name, suffix = str(path), path.suffix.casefold()
    if suffix in (".csv", ".tsv"):
        return read_table(text, name)
    try:
        document = parse_json(text)
    except json.JSONDecodeError as error:
        if suffix == ".jsonl" or _is_json_lines(text):
            return read_json_lines(text, name)
        if suffix == ".json" and text.strip():
            raise PromptError(
                f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); give {KINDS}"
            ) from None
        return _read_lines(text, name)
    except FormError as error:
        if _is_json_lines(text):
            return read_json_lines(text, name)
        raise PromptError(f"{path} is no prompt file: {error}; give {KINDS}") from None
    if suffix == ".jsonl" and "\n" not in text.strip():
        return read_json_lines(text, name)
    if isinstance(document, list):
        return read_json_list(list(members(text)), name)
    if isinstance(document, dict):
        return _parse_object(document, text, name)
    return read_json_lines(text, name) if suffix == ".json" else _read_lines(text, name)


def _read_lines(text: str, name: str) -> list[Prompt]:
    """Read a prompt a line."""
    prompts = []
    for number, line in enumerate(text.split("\n"), start=1):
        prompt = " ".join(line.split())
        try:
            check_text(prompt)
        except FormError as error:
            raise PromptError(f"{name}, line {number}: {error}") from None
        if prompt:
            prompts.append(Prompt(f"{number:04d}", prompt))
    return prompts


def _parse_object(document: Mapping[str, Any], text: str, name: str) -> list[Prompt]:
    entries = list(document.values())
    if not entries:
        return []
    if not isinstance(document.get("prompt", []), list | Mapping) or "tracks" in document:
        return [read_prompt(document, 1, f"{name}, line 1")]
    if any(isinstance(entry, Mapping) and "layout" in entry for entry in entries):
        return read_authors_cache(members(text), name)
    if all(isinstance(entry, list) and entry and all(isinstance(x, Mapping) for x in entry) for entry in entries):
        return _parse_categories(document, name)
    if any(isinstance(entry, list | str) for entry in entries):
        return read_lvd_cache(members(text), name)
    raise PromptError(
        f"{name} is a JSON object of no known kind; an entry of the authors' cache has 'layout', of LVD's is a list of "
        f"answers, got {short(entries[0])}"
    )


def _parse_categories(document: Mapping[str, Any], name: str) -> list[Prompt]:
    prompts: list[Prompt] = []
    for category, records in document.items():
        for place, record in enumerate(records, start=1):
            where = f"{name}, {category!r}, entry {place}"
            prompts.append(read_prompt({"category": category, **record}, len(prompts) + 1, where))
    return prompts


def _is_json_lines(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    return bool(lines) and all(map(_is_object, lines))


def _is_object(line: str) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except json.JSONDecodeError:
        return False
    except FormError:  # nested too deeply
        return line.lstrip().startswith("{")


def _check_ids(prompts: Sequence[Prompt], path: Path) -> None:
    first: dict[str, int] = {}
    for position, prompt in enumerate(prompts, start=1):
        if prompt.id in first:
            raise PromptError(
                f"{path}: prompts {first[prompt.id]} and {position} have the same id {prompt.id!r}; make the ids unique"
            )
        first[prompt.id] = position
