"""Which video answers which prompt: run folders, and folders that any other tool wrote."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ttom_pl.evaluation.naming import vbench_stem
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.prompts.readers import read_any
from ttom_pl.run import RESULTS, read_results

ENDINGS = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".gif")


class VideosError(ValueError):
    """Videos and prompts that do not go together; the message says which and what to do."""


@dataclass(frozen=True)
class Clip:
    """A video file and the prompt that it was made from.

    Attributes:
        prompt: the prompt, with its layout where one is known.
        path: the file.
        sample: number of the video among those of its prompt, from 0.
    """

    prompt: Prompt
    path: Path
    sample: int = 0


@dataclass(frozen=True)
class Clips:
    """The videos of a folder.

    Attributes:
        claimed: videos with their prompts, in the order of the prompts.
        missing: prompts without a video.
        unclaimed: files that no prompt claims.
    """

    claimed: list[Clip]
    missing: list[Prompt]
    unclaimed: list[Path]


def find_clips(folder: Path, prompts: Path | None = None) -> Clips:
    """Return the videos of a run folder or of a folder that any tool wrote.

    In a run folder ``results.jsonl`` says which video is whose, and has the layouts; a prompt file may add metadata.
    Elsewhere a file belongs to the prompt whose number (``0001.mp4``, as T2V-CompBench has it), id, or text it is named
    after, with the number of the sample behind the text where there are several (VBench: ``a cat-0.mp4``).

    Args:
        folder: where the videos are; if it has none, its subfolder with the name of the prompt file is looked at.
        prompts: the prompt file; a run folder needs none.

    Raises:
        VideosError: if there is no folder, no video, no prompt file where one is needed, or nothing that goes together.
        PromptError: if the prompt file cannot be read.
    """
    if folder.is_file():
        raise VideosError(f"{str(folder)!r} is a file; give the folder that it is in, {str(folder.parent)!r}")
    if not folder.is_dir():
        raise VideosError(f"there is no folder {str(folder)!r}; give one with videos, or a run of 'ttom stream'")
    if (folder / RESULTS).is_file():
        return _of_run(folder, read_any(prompts) if prompts else [])
    if prompts is None:
        raise VideosError(f"{str(folder)!r} is no run of 'ttom stream'; say with --prompts FILE what its videos show")
    return _of_folder(folder, read_any(prompts), prompts)


def _of_run(run: Path, prompts: Sequence[Prompt]) -> Clips:
    results = read_results(run).served
    known = {prompt.id: prompt for prompt in prompts}
    wanted = list(known.values()) or [Prompt(id, result.prompt) for id, result in results.items()]
    clips, missing = [], []
    for prompt in wanted:
        result = results.get(prompt.id)
        path = run / result.files["video"] if result and "video" in result.files else None
        if result is None or path is None or not path.is_file():
            missing.append(prompt)
            continue
        if result.prompt != prompt.text:
            raise VideosError(
                f"prompt {prompt.id!r} is {prompt.text!r} in the prompt file and {result.prompt!r} in the run "
                f"{str(run)!r}; give the file that the run served"
            )
        clips.append(Clip(replace(prompt, layout=result.layout), path))
    if not clips:
        raise VideosError(f"the run {str(run)!r} has no videos; serve it again")
    return Clips(clips, missing, [])


def _of_folder(folder: Path, prompts: Sequence[Prompt], source: Path) -> Clips:
    files = _videos(folder) or _videos(folder / source.stem)
    if not files:
        raise VideosError(
            f"there is no video in {str(folder)!r}, nor in {source.stem!r} in it; videos end with {', '.join(ENDINGS)}"
        )
    claims = _claims(_by_stem(files), prompts)
    clips = [
        Clip(prompt, path, sample)
        for prompt, mine in zip(prompts, claims, strict=True)
        for sample, path in enumerate(mine)
    ]
    missing = [prompt for prompt, mine in zip(prompts, claims, strict=True) if not mine]
    if not clips:
        raise VideosError(
            f"no prompt of {str(source)!r} has a video in {str(folder)!r}, whose first is {files[0].name!r}; name "
            f"them by number (0001.mp4), id ({prompts[0].id}.mp4) or text ({vbench_stem(prompts[0].text, 0)}.mp4)"
        )
    claimed = {clip.path for clip in clips}
    return Clips(clips, missing, [file for file in files if file not in claimed])


def _by_stem(files: Sequence[Path]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for file in files:
        if file.stem in named:
            raise VideosError(
                f"{named[file.stem].name!r} and {file.name!r} in {str(file.parent)!r} differ in their ending alone; "
                "leave one of them"
            )
        named[file.stem] = file
    return named


def _claims(named: Mapping[str, Path], prompts: Sequence[Prompt]) -> list[list[Path]]:
    """Return the videos of each prompt, in the order of their sample numbers, no video twice.

    Places count only where no video is named after an id: ids may look like places of a longer file.
    """
    places = range(1, len(prompts) + 1)
    ways = [[_samples(named, prompt.text) for prompt in prompts], [[prompt.id] for prompt in prompts]]
    if not any(prompt.id in named for prompt in prompts):
        ways += [[[f"{place:04d}"] for place in places], [[str(place)] for place in places]]
    ways.append([[vbench_stem(prompt.text)] for prompt in prompts])
    left = dict(named)
    claims: list[list[Path]] = [[] for _ in prompts]
    for way in ways:
        for mine, stems in zip(claims, way, strict=True):
            if not mine:
                mine += [left.pop(stem) for stem in stems if stem in left]
    return claims


def _samples(named: Iterable[str], text: str) -> list[str]:
    """Return the names that VBench gives to the videos of a prompt."""
    pattern = re.compile(rf"{re.escape(vbench_stem(text))}-(\d+)")
    numbered = {int(match[1]): stem for stem in named if (match := pattern.fullmatch(stem))}
    return [numbered[number] for number in sorted(numbered)]


def _videos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
