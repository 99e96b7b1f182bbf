"""Which video answers which prompt: run folders, and folders that any other tool wrote."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ttom_pl.evaluation.naming import vbench_stem
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.prompts.readers import read_any
from ttom_pl.run import RESULTS, Result, read_results

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
    after, with the number of the sample behind it where there are several (VBench: ``a cat-0.mp4``).

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
    samples: dict[str, list[Result]] = {}
    for result in results.values():
        samples.setdefault(result.source, []).append(result)
    clips, missing = [], []
    for prompt in prompts or [Prompt(id, first.prompt) for id, (first, *_) in samples.items()]:
        made = [result for result in samples.get(prompt.id, ()) if _has_video(run, result)]
        if not made:
            missing.append(prompt)
        for result in sorted(made, key=lambda result: result.sample):
            if result.prompt != prompt.text:
                raise VideosError(
                    f"prompt {prompt.id!r} is {prompt.text!r} in the prompt file and {result.prompt!r} in the run "
                    f"{str(run)!r}; give the file that the run served"
                )
            clips.append(Clip(replace(prompt, layout=result.layout), run / result.files["video"], result.sample))
    if not clips:
        raise VideosError(f"the run {str(run)!r} has no videos; serve it again")
    return Clips(clips, missing, [])


def _has_video(run: Path, result: Result) -> bool:
    return "video" in result.files and (run / result.files["video"]).is_file()


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
    numbered = _samples(named)
    texts = [(vbench_stem(prompt.text), prompt.text, prompt.text.replace("/", "_")) for prompt in prompts]
    ids = [[prompt.id] for prompt in prompts]
    numbers = [[f"{place:04d}", str(place)] for place in range(1, len(prompts) + 1)]
    ways = [[_numbered(numbered, text) for text in texts], ids, [_numbered(numbered, id) for id in ids]]
    if not any(prompt.id in named or prompt.id in numbered for prompt in prompts):
        ways += [[number[:1] for number in numbers], [number[1:] for number in numbers]]
        ways.append([_numbered(numbered, number) for number in numbers])
    ways.append([list(dict.fromkeys(text)) for text in texts])
    left = dict(named)
    claims: list[list[Path]] = [[] for _ in prompts]
    for way in ways:
        for mine, stems in zip(claims, way, strict=True):
            if not mine:
                mine += [left.pop(stem) for stem in stems if stem in left]
    return claims


def _samples(named: Iterable[str]) -> dict[str, dict[int, str]]:
    """Return the names that end with the number of a sample, by what stands before it and by the number."""
    samples: dict[str, dict[int, str]] = {}
    for stem in named:
        match = re.fullmatch(r"(.+)-(\d+)", stem, re.DOTALL)
        if match:
            samples.setdefault(match[1], {})[int(match[2])] = stem
    return samples


def _numbered(samples: Mapping[str, Mapping[int, str]], names: Sequence[str]) -> list[str]:
    """Return the samples of the first of some names that has any, in the order of their numbers."""
    mine = next((samples[name] for name in names if name in samples), {})
    return [mine[number] for number in sorted(mine)]


def _videos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
