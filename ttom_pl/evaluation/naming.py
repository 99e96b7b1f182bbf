"""Names of video files as benchmarks' own scripts expect them."""

import hashlib
from typing import Literal

Naming = Literal["number", "t2v-compbench", "vbench"]
"""How videos are named, see :func:`video_name`.

- ``number``: ``0001.mp4``, of several samples ``0001-0.mp4``, ``0001-1.mp4`` …
- ``t2v-compbench``: ``CATEGORY/0001.mp4``, numbered within the category; it knows one video a prompt, so that of
  several samples each has its own folder of categories: ``sample-0/CATEGORY/0001.mp4``.
- ``vbench``: ``PROMPT-0.mp4``, of several samples ``PROMPT-0.mp4``, ``PROMPT-1.mp4`` …
"""

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
"""Bytes of a file name that file systems take."""
_ENDING = len("-999999.mp4")


def vbench_stem(prompt: str, index: int | None = None) -> str:
    """Return VBench's name of a video without its ending: the prompt, and the number of the sample.

    A prompt that is no file name, for its length or a ``/``, is cut and marked with a digest of the whole, so that no
    two prompts have the same name. VBench's own prompts are all file names.

    Args:
        prompt: the prompt's text.
        index: number of the sample, from 0; without it the name has none.
    """
    stem = prompt.replace("/", "_").replace("\0", "")
    if stem != prompt or len(stem.encode()) > _LONGEST - _ENDING:
        mark = f"~{hashlib.sha256(prompt.encode()).hexdigest()[:12]}"
        stem = stem.encode()[: _LONGEST - _ENDING - len(mark)].decode(errors="ignore").rstrip() + mark
    return stem if index is None else f"{stem}-{index}"


def video_name(naming: Naming, prompt: str, number: int, category: str = "", sample: int | None = None) -> str:
    """Return the file name of a video, relative to the folder of all videos.

    Args:
        naming: whose names.
        prompt: the prompt's text.
        number: place of the prompt, from 1, in its file, or for T2V-CompBench in its category.
        category: category of T2V-CompBench, see :data:`COMPBENCH_FOLDERS`; others are folders by their own name.
        sample: number of the video among those of its prompt, from 0; ``None`` where it is the only one, which is
            number 0 to VBench.

    Raises:
        ValueError: if T2V-CompBench's names are asked for a prompt without a category.
    """
    if naming == "vbench":
        return f"{vbench_stem(prompt, sample or 0)}.mp4"
    if naming == "number":
        return f"{number:04d}.mp4" if sample is None else f"{number:04d}-{sample}.mp4"
    if not category or "/" in category or category.startswith(".") or len(category.encode()) > _LONGEST:
        raise ValueError(
            f"prompt {prompt!r} has no category of T2V-CompBench that could name a folder ({category!r}); "
            "read its metadata files, or name the category of all prompts"
        )
    name = f"{COMPBENCH_FOLDERS.get(category, category)}/{number:04d}.mp4"
    return name if sample is None else f"sample-{sample}/{name}"
