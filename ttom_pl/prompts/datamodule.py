"""The prompts of a stream."""

from pathlib import Path

from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_warn

from ttom_pl.prompts.prompt import Prompt, PromptError, first
from ttom_pl.prompts.readers import read_any

__all__ = ["Prompt", "PromptError", "PromptStream", "read_prompts"]


class PromptStream(LightningDataModule):
    """Prompts from a file, in the order of the file.

    A ``.txt`` file holds a prompt a line, a ``.csv`` file has a column ``prompt``. A ``.jsonl`` file holds an object a
    line: ``{"prompt": ...}`` with an optional ``"id"``; with ``"tracks"`` it is a layout, and the planner is not asked.
    With ``"image"`` it names the image that an image-to-video model starts from, relative to the file. The layout
    caches of TTOM's authors and of LVD are read as well, and T2V-CompBench's metadata; see
    :func:`~ttom_pl.prompts.readers.read_any`. Empty lines are skipped. With ``"long"`` the layout is planned from the
    prompt and the video made from the long one, in which the same objects are steered.

    Args:
        prompts: the file.
        limit: take only so many prompts from the start, at least 1.
        long: a file with the long prompts, in the same order, where they are not beside the prompts.

    Raises:
        PromptError: if a file is missing, empty or not text, if a line is malformed or an id repeats, or if there is
            not one long prompt for each prompt.
        ValueError: if the limit is less than 1.
    """

    def __init__(self, prompts: Path, limit: int | None = None, long: Path | None = None) -> None:
        super().__init__()
        self.prompts = first(read_prompts(Path(prompts), long), limit)
        for prompt in self.prompts:
            if prompt.note:
                rank_zero_warn(f"{prompt.note}; the planner is asked")

    def predict_dataloader(self) -> list[Prompt]:
        """The prompts."""
        return self.prompts


def read_prompts(path: Path, long: Path | None = None) -> list[Prompt]:
    """Read a prompt file; see :class:`PromptStream`."""
    return read_any(path, long)
