"""``ttom evaluate``: score a folder of videos, of this or any other tool, against their prompts."""

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from tqdm import tqdm

from ttom_pl.cli._names import NAMES, with_class_names
from ttom_pl.cli._parser import make_parser
from ttom_pl.cli._quiet import quieten
from ttom_pl.evaluation.detectors import Detector
from ttom_pl.evaluation.evaluator import METRICS, Evaluator, Scored
from ttom_pl.evaluation.from_prompt import expect
from ttom_pl.evaluation.journal import Journal
from ttom_pl.evaluation.judge import Judge
from ttom_pl.evaluation.table import summarise, table
from ttom_pl.evaluation.truth import grammar_caveat
from ttom_pl.evaluation.videos import Clip, Clips, VideosError, find_clips
from ttom_pl.io.media import read_mp4
from ttom_pl.io.ranges import check_range
from ttom_pl.io.whole_files import write_text
from ttom_pl.report.page import write_page
from ttom_pl.run import Result

_SHOWN = 5
"""Videos with errors that are told one by one."""
_LAYOUTS = " (which needs layouts: give a run, or a prompt file that has them)"


def main(args: Sequence[str]) -> None:
    """Score the videos of a folder, e.g. ``runs/sprites --detector sprites --out scores``."""
    quieten()
    parser = _parser()
    config = parser.parse_args(with_class_names(args))
    metrics = config.metrics.replace(",", " ").split() if isinstance(config.metrics, str) else config.metrics
    for name in metrics:
        if name not in METRICS:  # before the models are loaded
            raise ValueError(f"there is no metric {name!r}; choose from {', '.join(METRICS)}")
    check_range("num_frames", config.num_frames, least=2, meaning="frames that the detector sees; motion takes two")
    clips = find_clips(config.videos, config.prompts)
    _check(clips, config)
    init = parser.instantiate_classes(config)
    evaluator = Evaluator(init.detector, init.judge, metrics or None, config.num_frames)
    stamp: dict[str, Any] = {"protocols": {n: m.protocol for n, m in evaluator.metrics.items()}}
    stamp |= {"detector": _class(config.detector), "judge": _class(config.judge)}
    stamp["versions"] = {name: version(name) for name in ("ttom_pl", "torch", "transformers")}
    journal = Journal(config.out, stamp | _options(config, parser))
    try:
        lines, before = _score(clips, evaluator, journal)
    except BaseException:
        journal.close()
        print(f"\nstopped; the same command goes on from {config.out}", file=sys.stderr)
        raise
    journal.finish([line | stamp for line in lines])
    _report(lines, clips, evaluator, config, stamp, before)
    if all("errors" in line for line in lines):
        sys.exit(1)


def _score(clips: Clips, evaluator: Evaluator, journal: Journal) -> tuple[list[dict[str, Any]], int]:
    """Return the lines of all videos, and how many of them were there before a stop."""
    lines, before = [], 0
    for clip in tqdm(clips.claimed, "scoring", leave=False, disable=None):
        line = journal.get(clip)
        before += line is not None
        if line is None:
            line = _line(clip, evaluator)
            journal.add(clip, line)
        lines.append(line)
    return lines, before


def _options(config: Namespace, parser: ArgumentParser) -> dict[str, Any]:
    """Return all options that scores depend on."""
    dumped = parser.dump(config, skip_none=False, format="json")
    return {"options": {k: v for k, v in json.loads(dumped).items() if k in ("detector", "judge", "num_frames")}}


def _parser() -> ArgumentParser:
    parser = make_parser("evaluate", __doc__, config=True)
    parser.add_argument("videos", type=Path, help="folder of videos, or of a run")
    parser.add_argument(
        "--prompts",
        type=Path | None,
        help="what the videos show (.txt, .csv, .jsonl, T2V-CompBench's metadata); a run knows; metadata adds to it",
    )
    for option, type_, what in (("--detector", Detector, "sees the objects"), ("--judge", Judge, "grades claims")):
        names = ", ".join(NAMES[option])
        parser.add_argument(
            option, type=type_, default=None, help=f"what {what}: {names} or a class; its options as {option}.OPTION"
        )
    parser.add_argument(
        "--metrics", type=list[str] | str, default=[], help=f"name,name of {', '.join(METRICS)} (default: all)"
    )
    parser.add_argument("--num_frames", type=int, default=16, help="evenly spaced frames that the detector sees")
    parser.add_argument(
        "--out", type=Path, default=Path("scores"), help="folder for scores.jsonl, table.txt and report.html"
    )
    parser.add_argument("--allow_missing", action="store_true", help="score what is there if prompts lack videos")
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")
    return parser


def _check(clips: Clips, config: Namespace) -> None:
    """Raise for prompts without videos, and for metadata that cannot be used, before anything expensive."""
    if clips.missing and not config.allow_missing:
        shown = ", ".join(f"{prompt.id} ({prompt.text[:40]!r})" for prompt in clips.missing[:5])
        more = f" and {len(clips.missing) - 5} more" if len(clips.missing) > 5 else ""
        raise VideosError(
            f"{len(clips.missing)} prompts have no video in {str(config.videos)!r}: {shown}{more}; "
            "make them, or score the others with --allow_missing"
        )
    for clip in clips.claimed:
        expect(clip.prompt)


def _line(clip: Clip, evaluator: Evaluator) -> dict[str, Any]:
    prompt = clip.prompt
    line = {"id": prompt.id, "prompt": prompt.text, "video": str(clip.path), "sample": clip.sample}
    try:
        video = read_mp4(clip.path)
    except (OSError, ValueError, LookupError) as error:
        scored = Scored({}, [f"it is no video that can be read ({error}); make it anew"])
    else:
        scored = evaluator.score(video, prompt)
    line |= {"scores": scored.scores, "truth": scored.truth}
    return line | ({"errors": scored.errors} if scored.errors else {})


def _class(part: Any) -> str:
    return str(part.class_path) if part else ""


def _report(
    lines: Sequence[dict[str, Any]],
    clips: Clips,
    evaluator: Evaluator,
    config: Namespace,
    stamp: Mapping[str, Any],
    before: int,
) -> None:
    scores, truths = _by_prompt(lines)
    summary = summarise(scores, stamp["protocols"], truths=truths)
    unscored = [name for name in evaluator.metrics if name not in {line.metric for line in summary}]
    notes = [f"{len(lines)} videos of {len({line['id'] for line in lines})} prompts"]
    if before:
        notes.append(f"{before} of them were scored before a stop")
    if clips.missing:
        notes.append(f"{len(clips.missing)} prompts have no video")
    videos = Counter(line["id"] for line in lines)
    fewer = [id for id, number in videos.items() if number < max(videos.values())]
    if fewer:
        shown = ", ".join(fewer[:5]) + (" …" if len(fewer) > 5 else "")
        notes.append(f"{len(fewer)} prompts have fewer videos than the {max(videos.values())} of others: {shown}")
    notes += filter(None, [grammar_caveat(truths)])
    if clips.unclaimed:
        names = ", ".join(path.name for path in clips.unclaimed[:3])
        notes.append(f"{len(clips.unclaimed)} videos belong to no prompt: {names} …")
    if evaluator.left_out:
        notes.append(f"left out, for want of a detector or judge: {', '.join(evaluator.left_out)}")
    failed = [line for line in lines if "errors" in line]
    notes += [f"not scored in full: {line['video']}: {'; '.join(line['errors'])}" for line in failed[:_SHOWN]]
    if len(failed) > _SHOWN:
        notes.append(f"… and {len(failed) - _SHOWN} more, see scores.jsonl")
    if unscored:
        notes.append(f"nothing here to measure: {', '.join(unscored)}{_LAYOUTS if 'layout_miou' in unscored else ''}")
    text = "\n".join([table(summary), "", *notes])
    write_text(config.out / "table.txt", text + "\n")
    page = _page(lines, clips, config, stamp["versions"])
    if config.json:
        result = {"metrics": [asdict(line) for line in summary], "notes": notes, **stamp}
        files = {"scores": str(config.out / "scores.jsonl"), "report": str(page)}
        print(json.dumps(result | files, indent=2, ensure_ascii=False))
    else:
        print(f"{text}\n\nscores: {config.out / 'scores.jsonl'}\nreport: {page}")


def _page(lines: Sequence[dict[str, Any]], clips: Clips, config: Namespace, versions: Mapping[str, str]) -> Path:
    """Write the report of the scores, beside them."""
    shown = []
    videos = Counter(line["id"] for line in lines)
    for number, (line, clip) in enumerate(zip(lines, clips.claimed, strict=True), start=1):
        several = videos[line["id"]] > 1
        video = os.path.relpath(clip.path, config.out)
        result = Result(
            id=f"{line['id']}-{clip.sample}" if several else line["id"],
            sample=clip.sample,
            sample_of=line["id"] if several else "",
            number=number,
            prompt=line["prompt"],
            layout=clip.prompt.layout,
            scores=line["scores"],
            files={"video": video},
            truth=line.get("truth", {}),
            asked=str(expect(clip.prompt)),
            errors=tuple(line.get("errors", ())),
            versions=versions,
        )
        shown.append(result)
    return write_page(config.out, f"{config.videos.resolve().name}, scored", shown, ["scores.jsonl", "table.txt"])


def _by_prompt(lines: Sequence[dict[str, Any]]) -> tuple[list[dict[str, float]], list[dict[str, str]]]:
    """Return for each prompt the mean scores of its videos, so that the bootstrap draws prompts, and their truth."""
    values: dict[str, dict[str, list[float]]] = {line["id"]: defaultdict(list) for line in lines}
    truths: dict[str, dict[str, str]] = {id: {} for id in values}
    for line in lines:
        truths[line["id"]] |= line["truth"]
        for name, score in line["scores"].items():
            values[line["id"]][name].append(score)
    means = [{name: float(np.mean(numbers)) for name, numbers in scores.items()} for scores in values.values()]
    return means, list(truths.values())
