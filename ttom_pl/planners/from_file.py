"""Layouts that were planned before: by hand, by another planner, by another program."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ttom_pl.layout.schema import Layout, LayoutError
from ttom_pl.layout.text import as_read, layout_as_read
from ttom_pl.planners.base import Planner
from ttom_pl.prompts.layout_files import read_layouts
from ttom_pl.prompts.readers import read_any


class FilePlanner(Planner):
    """Look layouts up in a file, by the prompt's id or else by its text; of an enriched prompt, by its original text.

    Args:
        path: the file of layouts: JSON lines, or a layout cache of TTOM's authors or of LVD.

    Raises:
        LayoutError: if the file holds a line that is no layout, or two different layouts under one id.
        PromptError: if a cache cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._by_id: dict[str, Layout] = {}
        self._by_prompt: dict[str, Layout] = {}
        for layout in _read(self.path):
            if self._by_id.setdefault(layout.id, layout) != layout and layout.id:
                raise LayoutError(f"{self.path} holds two layouts of id {layout.id!r}; give each prompt its own id")
            for text in _texts(layout):
                self._by_prompt.setdefault(text, layout)

    def plan(self, prompt: str, id: str = "") -> Layout:
        """Return the layout stored for the prompt; one stored under the id must be for the same text.

        Raises:
            LayoutError: if the file has none.
        """
        layout = self._by_id.get(id) if id else None
        if layout is None or _key(prompt) not in _texts(layout):
            layout = self._by_prompt.get(_key(prompt))
        if layout is None:
            raise LayoutError(
                f"{self.path} has no layout for the prompt {prompt!r} (id {id!r}) among its "
                f"{len(self._by_prompt)} prompts; add a line for it, or use a planner that can make one"
            )
        return replace(layout, id=id) if id else layout


def _read(path: Path) -> Iterable[Layout]:
    if path.suffix.casefold() == ".jsonl":
        return map(layout_as_read, read_layouts(path))
    return [prompt.layout for prompt in read_any(path) if prompt.layout is not None]


def _texts(layout: Layout) -> set[str]:
    return {_key(text) for text in (layout.original_prompt, layout.prompt) if text}


def _key(prompt: str) -> str:
    return as_read(prompt).casefold()
