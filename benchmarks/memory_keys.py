"""Keys of the memory on labelled pairs of prompts: precision and recall of hits over thresholds.

    python benchmarks/memory_keys.py --out benchmarks/results

Two prompts are alike if an adapter of one is right for the other: the same scene abstraction and the same motions.
Layouts are those of the planner, each moved and resized at random, as another planner or a person would draw them.
The threshold to take is the one of the greatest F1 among those whose precision is at least ``--precision``.
Pairs with T2V-CompBench's motion prompts and with the paper's samples of abstractions (text alone) are reported where
``../shared/data`` is there.
"""

import argparse
import json
import random
import zlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.keys import layout_vector, scene_key, sentence_embedder
from ttom_pl.layout import Layout, Track
from ttom_pl.planners import GrammarPlanner
from ttom_pl.sprites.world import caption, sample_groups

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"
THRESHOLDS = np.round(np.arange(0.5, 1.0, 0.01), 2)
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "": (0, 0)}

Labelled = tuple[Layout, Hashable]
"""A layout, and what prompts that are alike have in common."""


def jittered(layout: Layout, rng: random.Random, amount: float) -> Layout:
    """Move and resize every track a little; ``amount`` is the standard deviation, in fractions of the frame."""

    def moved(track: Track) -> Track:
        dx, dy, grow = (rng.gauss(0, amount) for _ in range(3))
        boxes = []
        for box in track.boxes:
            if box is None:
                boxes.append(None)
                continue
            x0, y0 = (min(max(side, 0), 0.9) for side in (box[0] + dx - grow, box[1] + dy - grow))
            x1, y1 = box[2] + dx + grow, box[3] + dy + grow
            boxes.append((x0, y0, min(max(x1, x0 + 0.05), 1), min(max(y1, y0 + 0.05), 1)))
        return replace(track, boxes=tuple(boxes))

    return replace(layout, tracks=tuple(map(moved, layout.tracks)))


def sprites(number: int, rng: random.Random) -> list[Labelled]:
    """Draw captions of the Sprites world; alike are those of equal motions, counts and relation."""
    planner, labelled = GrammarPlanner(), []
    for _ in range(number):
        groups, relation = sample_groups(rng)
        label = (relation, tuple((group.motion, group.count) for group in groups))
        labelled.append((planner.plan(caption(groups, relation)), label))
    return labelled


def compbench(path: Path) -> list[Labelled]:
    """Read T2V-CompBench's motion prompts; alike are those of equal directions, in order."""
    labelled = []
    for item in json.loads(path.read_text()):
        objects = [(item[f"object_{i}"], item[f"d_{i}"]) for i in (1, 2) if item.get(f"object_{i}")]
        tracks = []
        for i, (name, direction) in enumerate(objects):
            (dx, dy), at = STEPS[direction], (i + 1) / (len(objects) + 1)
            x, y = (at, 0.5) if dy else (0.5, at)
            centers = [(x + 0.45 * dx * t, y + 0.45 * dy * t) for t in np.linspace(-0.5, 0.5, 6)]
            boxes = tuple((cx - 0.12, cy - 0.12, cx + 0.12, cy + 0.12) for cx, cy in centers)
            tracks.append(Track(i, name, (name.split()[-1],), boxes))
        labelled.append((Layout(item["prompt"], tuple(tracks)), tuple(direction for _, direction in objects)))
    return labelled


def bag_of_words(texts: Sequence[str]) -> Tensor:
    """Embed texts by counts of their hashed words; stands in for a text encoder that is not there."""
    counts = torch.zeros(len(texts), 512)
    for row, text in enumerate(texts):
        for word in text.lower().split():
            counts[row, zlib.crc32(word.strip(".,").encode()) % 512] += 1
    return torch.nn.functional.normalize(counts, dim=-1)


def text_encoder(name: str | None, checkpoint: Path) -> tuple[str, Callable[[Sequence[str]], Tensor]]:
    """Return the text encoder to use and its name."""
    if name is not None:
        return name, sentence_embedder(name)
    if (checkpoint / "text_encoder").is_dir():
        from ttom_pl.backbones import WanBackbone

        return str(checkpoint), WanBackbone(str(checkpoint), 32, 32, 9, 20, 4.0, max_sequence_length=24, fps=8).embed
    return "bag of words (no model here)", bag_of_words


def curve(keys: NDArray[np.float32], labels: Sequence[Hashable]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return precision and recall of the pairs above each threshold; precision is 1 where there is no pair."""
    first, second = np.triu_indices(len(keys), 1)
    similarity = (keys @ keys.T)[first, second]
    alike = np.array([labels[i] == labels[j] for i, j in zip(first, second, strict=True)])
    above = similarity[None] >= THRESHOLDS[:, None] - 1e-6
    right = (above & alike).sum(1)
    return np.where(above.any(1), right / np.maximum(above.sum(1), 1), 1.0), right / max(1, alike.sum())


def best(precision: NDArray[np.float64], recall: NDArray[np.float64], least: float) -> int:
    """Return the threshold, by number, of the greatest F1 at a precision of at least ``least``."""
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return int(np.where(precision >= least, f1, -1.0).argmax())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-keys"))
    parser.add_argument("--prompts", type=int, default=400)
    parser.add_argument("--jitter", type=float, default=0.03)
    parser.add_argument("--precision", type=float, default=0.95)
    parser.add_argument("--text-encoder", help="sentence-transformers model (default: the embedded model's own)")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints" / "sprites")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    name, embed = text_encoder(options.text_encoder, options.checkpoint)
    sets = {"Sprites captions": sprites(options.prompts, rng)}
    motion = SHARED / "t2vcompbench" / "motion_binding.json"
    if motion.is_file():
        sets["T2V-CompBench motion"] = compbench(motion)
    lines = [
        f"Text encoder: {name}; boxes moved and resized by {options.jitter:g} of the frame; seed {options.seed}.",
        "",
        "| prompts | text weight | threshold | precision | recall | precision at 0.80 · 0.90 · 0.95 | recall there |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for title, labelled in sets.items():
        layouts = [jittered(layout, rng, options.jitter) for layout, _ in labelled]
        for weight in (0.0, 0.25, 0.5, 0.75, 1.0):
            keys = np.stack([scene_key(layout, embed, weight)[1] for layout in layouts])
            precision, recall = curve(keys, [label for _, label in labelled])
            at = best(precision, recall, options.precision)
            fixed = [int(np.argmin(abs(THRESHOLDS - threshold))) for threshold in (0.8, 0.9, 0.95)]
            cells = [title, f"{weight:g}", f"{THRESHOLDS[at]:.2f}", f"{precision[at]:.3f}", f"{recall[at]:.3f}"]
            cells += [" · ".join(f"{values[i]:.2f}" for i in fixed) for values in (precision, recall)]
            lines.append("| " + " | ".join(cells) + " |")
    samples = SHARED / "ttom" / "scene_abstractions_sample.tsv"
    if samples.is_file():
        texts = [line.split("\t")[1] for line in samples.read_text().splitlines()[1:]]
        vectors = embed([text.split("]. ", 1)[-1] for text in texts])
        labels = [text.count("<object_") for text in texts]
        similarity = (vectors @ vectors.T).numpy()
        pairs = [(similarity[i, j], labels[i] == labels[j]) for i in range(len(texts)) for j in range(i)]
        alike, other = ([value for value, same in pairs if same == wanted] for wanted in (True, False))
        lines += ["", f"Samples of abstractions, text alone: cosine {np.mean(alike):.2f} for as many objects, "]
        lines[-1] += f"{np.mean(other):.2f} otherwise."
    mirrored = [replace(layout, tracks=tuple(map(_mirrored, layout.tracks))) for layout, _ in sets["Sprites captions"]]
    cosines = [
        float(layout_vector(one) @ layout_vector(other))
        for (one, _), other in zip(sets["Sprites captions"], mirrored, strict=True)
        if one != other
    ]
    lines += ["", f"The same text with its boxes mirrored, layouts alone: median cosine {np.median(cosines):.2f}."]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _mirrored(track: Track) -> Track:
    boxes = tuple(None if box is None else (1 - box[2], box[1], 1 - box[0], box[3]) for box in track.boxes)
    return replace(track, boxes=boxes)


if __name__ == "__main__":
    main()
