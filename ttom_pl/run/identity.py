"""Whether prompts still are what and where they were when their results were made."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ttom_pl.layout.schema import Layout
from ttom_pl.layout.text import as_read
from ttom_pl.planners import steer_in
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.run.errors import RunError
from ttom_pl.run.result import Result
from ttom_pl.run.results import Results


def image_record(image: Path) -> dict[str, str]:
    """Return what a result says of the image that its video starts from: the path, and a digest of the content."""
    with open(image, "rb") as file:
        return {"path": str(image), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def check_places(prompts: Sequence[Prompt], results: Results) -> None:
    """Refuse prompts that would overwrite the files of others, which are named by number.

    Raises:
        RunError: if a prompt that has a result is not where it was.
    """
    for id, result in results.served.items():
        if 0 < result.number <= len(prompts) and prompts[result.number - 1].id != id:
            raise RunError(
                f"prompt {result.number} of this run was {id!r} and is {prompts[result.number - 1].id!r} now; "
                "files are named by number, so add prompts at the end or choose another folder"
            )


def changes(prompt: Prompt, result: Result) -> list[str]:
    """Return what of a prompt differs from its result: its text, its long text, its image, the layout that it brings.

    A layout of the planner is not compared: the run's config names the planner. An image counts as the same wherever it
    lies, and if it is gone where it was.

    Args:
        prompt: the prompt as it is now.
        result: its result.
    """
    changed = []
    if result.prompt != prompt.text:
        changed.append("text")
    if _other_image(prompt.image, result.image):
        changed.append("image")
    if prompt.long != result.long:
        changed.append("long text")
    if prompt.layout is not None and _other_layout(prompt, prompt.layout, result.layout):
        changed.append("layout")
    return changed


def _other_layout(prompt: Prompt, layout: Layout, served: Layout | None) -> bool:
    try:
        steered = steer_in(layout, as_read(prompt.long)) if prompt.long else layout
    except ValueError:
        return True
    # As it comes back from a file, where tuples are lists and numbers are floating-point.
    return Layout.from_dict(json.loads(json.dumps(steered.to_dict()))) != served


def _other_image(image: Path | None, record: Mapping[str, str] | None) -> bool:
    if image is None or record is None:
        return (image is None) != (record is None)
    if not image.is_file():
        return str(image) != record["path"]
    return image_record(image)["sha256"] != record["sha256"]
