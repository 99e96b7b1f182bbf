"""The prompts of a stream."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from lightning.pytorch import LightningDataModule

from ttom_pl.layout import Layout


class PromptError(ValueError):
    """A prompt file that cannot be read; the message names the file, the line and what is wrong."""


@dataclass(frozen=True)
class Prompt:
    """One prompt of a stream.

    Attributes:
        id: its name in the stream, unique; files are named after the position, never after the id.
        text: the prompt.
        layout: a layout made by hand or by another planner; ``None`` where the stream's planner shall make it.
        image: the image that an image-to-video model starts from.
    """

    id: str
    text: str
    layout: Layout | None = None
    image: Path | None = None


class PromptStream(LightningDataModule):
    """Prompts from a file, in the order of the file.

    A ``.txt`` file holds a prompt a line. A ``.jsonl`` file holds an object a line: ``{"prompt": ...}`` with an
    optional ``"id"``; with ``"tracks"`` it is a layout, and the planner is not asked. With ``"image"`` it names the
    image that an image-to-video model starts from, relative to the file. Empty lines are skipped.

    Args:
        prompts: the file.
        limit: take only so many prompts from the start.

    Raises:
        PromptError: if the file is missing, empty or not text, or if a line is malformed or an id repeats.
    """

    def __init__(self, prompts: Path, limit: int | None = None) -> None:
        super().__init__()
        self.prompts = read_prompts(Path(prompts))[:limit]

    def predict_dataloader(self) -> list[Prompt]:
        """The prompts."""
        return self.prompts


def read_prompts(path: Path) -> list[Prompt]:
    """Read a prompt file; see :class:`PromptStream`."""
    if not path.is_file():
        raise PromptError(f"no prompt file {str(path)!r}; give a .txt (a prompt a line) or a .jsonl file")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise PromptError(f"{path} is not text: byte {error.start} is not UTF-8; save it as UTF-8") from None
    if any("\0" in line for line in lines):
        raise PromptError(f"{path} is not text: it holds NUL bytes; give a .txt or .jsonl file")
    parse = _parse_json if path.suffix == ".jsonl" else _parse_text
    prompts = [parse(line, n, f"{path}, line {n}") for n, line in enumerate(lines, start=1) if line.strip()]
    prompts = [each if each.image is None else replace(each, image=path.parent / each.image) for each in prompts]
    if not prompts:
        raise PromptError(f"{path} holds no prompt; write one a line")
    first: dict[str, int] = {}
    for position, prompt in enumerate(prompts, start=1):
        if prompt.id in first:
            raise PromptError(
                f"{path}: prompts {first[prompt.id]} and {position} have the same id {prompt.id!r}; make the ids unique"
            )
        first[prompt.id] = position
    return prompts


def _parse_text(line: str, number: int, _where: str) -> Prompt:
    return Prompt(f"{number:04d}", " ".join(line.split()))


def _parse_json(line: str, number: int, where: str) -> Prompt:
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise PromptError(f"{where}, column {error.colno}: not JSON ({error.msg}); give one object a line") from None
    if not isinstance(data, dict) or not isinstance(data.get("prompt"), str) or not data["prompt"].strip():
        raise PromptError(f"{where}: field 'prompt' must be a non-empty text, got {line.strip()[:60]!r}")
    id = str(data.get("id") or f"{number:04d}")
    name = data.pop("image", None)
    if name is not None and not isinstance(name, str):
        raise PromptError(f"{where}: field 'image' must be the path of an image, got {name!r}")
    image = Path(name) if name else None
    if "tracks" not in data:
        return Prompt(id, " ".join(data["prompt"].split()), image=image)
    try:
        return Prompt(id, data["prompt"], Layout.from_dict({**data, "id": id}), image)
    except ValueError as error:
        raise PromptError(f"{where}: {error}") from None
