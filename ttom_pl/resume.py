"""Whether prompts still are what and where they were when their results were made."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ttom_pl.layout import Layout
from ttom_pl.layout.prompt import Prompt
from ttom_pl.layout.text import as_read
from ttom_pl.planners import steer_in
from ttom_pl.run import RunError, RunFolder


def image_record(image: Path) -> dict[str, str]:
    """Return what a result says of the image that its video starts from: the path, and a digest of the content."""
    with open(image, "rb") as file:
        return {"path": str(image), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def check_places(prompts: Sequence[Prompt], folder: RunFolder) -> None:
    """Refuse prompts that would overwrite the files of others, which are named by number.

    Raises:
        RunError: if a prompt that has a result is not where it was.
    """
    for id, result in folder.results().items():
        number = result.get("number", 0)
        if "error" not in result and 0 < number <= len(prompts) and prompts[number - 1].id != id:
            raise RunError(
                f"prompt {number} of the run in {str(folder.path)!r} was {id!r} and is {prompts[number - 1].id!r} now; "
                "files are named by number, so add prompts at the end or choose another folder"
            )


def changes(prompt: Prompt, result: Mapping[str, Any]) -> list[str]:
    """Return what of a prompt differs from its result: its text, its long text, its image, the layout that it brings.

    A layout of the planner is not compared: the run's config names the planner. An image counts as the same wherever it
    lies, and if it is gone where it was.

    Args:
        prompt: the prompt as it is now.
        result: its line of ``results.jsonl``.
    """
    changed = []
    if result["prompt"] != prompt.text:
        changed.append("text")
    if _other_image(prompt.image, result.get("image")):
        changed.append("image")
    if prompt.long != result.get("long", ""):
        changed.append("long text")
    if prompt.layout is not None and _other_layout(prompt, prompt.layout, result["layout"]):
        changed.append("layout")
    return changed


def _other_layout(prompt: Prompt, layout: Layout, record: Mapping[str, Any]) -> bool:
    try:
        layout = steer_in(layout, as_read(prompt.long)) if prompt.long else layout
    except ValueError:
        return True
    # Through JSON, as the result went: tuples are lists there.
    return bool(json.loads(json.dumps(layout.to_dict())) != record)


def _other_image(image: Path | None, record: Mapping[str, str] | None) -> bool:
    if image is None or record is None:
        return (image is None) != (record is None)
    if not image.is_file():
        return str(image) != record["path"]
    return image_record(image)["sha256"] != record["sha256"]
