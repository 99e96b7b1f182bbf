"""Names of video files as benchmarks' own scripts expect them."""

from typing import Literal

Naming = Literal["number", "t2v-compbench", "vbench"]
"""``0001.mp4``; ``CATEGORY/0001.mp4``, numbered within the category; ``PROMPT-0.mp4``."""

COMPBENCH_FOLDERS = {
    "consistent_attribute": "consistent_attr",
    "dynamic_attribute": "dynamic_attr",
    "spatial_relationship": "spatial_relationships",
    "motion_binding": "motion_binding",
    "action_binding": "action_binding",
    "object_interactions": "interaction",
    "generative_numeracy": "generative_numeracy",
}
"""Folders of T2V-CompBench's categories, by the names of their metrics."""
_LONGEST = 255


def vbench_stem(prompt: str, index: int | None = None) -> str:
    """Return VBench's name of a video without its ending: the prompt as it is, and the number of the sample."""
    stem = prompt.replace("/", "_").replace("\0", "")
    return stem if index is None else f"{stem}-{index}"


def video_name(naming: Naming, prompt: str, number: int, category: str = "", index: int = 0) -> str:
    """Return the file name of a video, relative to the folder of all videos.

    Args:
        naming: whose names.
        prompt: the prompt's text.
        number: place of the prompt, from 1, in its stream, or for T2V-CompBench in its category.
        category: category of T2V-CompBench, see :data:`COMPBENCH_FOLDERS`; others are folders by their own name.
        index: number of the sample, from 0, for VBench.

    Raises:
        ValueError: if T2V-CompBench's names are asked for a prompt without a category, or if VBench's name is longer
            than file systems take.
    """
    if naming == "number":
        return f"{number:04d}.mp4"
    if naming == "t2v-compbench":
        if not category or "/" in category or category.startswith(".") or len(category.encode()) > _LONGEST:
            raise ValueError(
                f"prompt {prompt!r} has no category of T2V-CompBench that could name a folder ({category!r}); "
                "read its metadata files, or name the category of all prompts"
            )
        return f"{COMPBENCH_FOLDERS.get(category, category)}/{number:04d}.mp4"
    name = f"{vbench_stem(prompt, index)}.mp4"
    if len(name.encode()) > _LONGEST:
        raise ValueError(f"the prompt {prompt[:40]!r}… is too long for a file name, as VBench has it; shorten it")
    return name
