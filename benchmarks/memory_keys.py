"""Keys of the memory on labelled pairs of prompts: precision and recall of hits over thresholds, and what a hit gives.

    python benchmarks/memory_keys.py --out benchmarks/results           # some minutes on two cores

Two prompts are alike if an adapter of one is right for the other: the same scene abstraction and the same motions.
Layouts are those of the planner, and the same moved and resized at random, as another planner or a person would draw
them. "Best" is the threshold of the greatest F1 among those whose precision is at least ``--precision``.
Pairs with T2V-CompBench's motion prompts and with the paper's samples of abstractions (text alone) are reported where
``../shared/data`` is there.

What a hit gives is measured on the embedded model: adapters are learnt cold for ``--learn`` captions, and each of them
is loaded for each other caption. The layout loss with it at the first guided step, against that without an adapter,
and the iterations that a fit from it takes, against those of the cold fit, tell what a false hit costs.

Writes ``memory_keys.md`` and ``memory_keys.png`` to the folder.
"""

import argparse
import json
import random
import zlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from memory import machine
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.cli._quiet import quieten
from ttom_pl.layout import Layout, Track
from ttom_pl.planners import GrammarPlanner
from ttom_pl.recall.keys import Embed, layout_vector, scene_key, sentence_embedder
from ttom_pl.sprites.world import caption, sample_groups

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"
THRESHOLDS = np.round(np.arange(0.5, 1.0, 0.01), 2)
TEXT_WEIGHT = 0.5
SHIPPED = 0.9
"""Text weight and threshold that ``ParametricMemory`` has by default."""
BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.98)
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


def jittered_all(labelled: Sequence[Labelled], rng: random.Random, amount: float) -> list[Labelled]:
    return [(jittered(layout, rng, amount), label) for layout, label in labelled]


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

        return "of the embedded model", WanBackbone(
            str(checkpoint), 32, 32, 9, 20, 4.0, max_sequence_length=24, fps=8
        ).embed
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


@dataclass(frozen=True)
class Loaded:
    """An adapter of one prompt loaded for another."""

    similarity: float
    alike: bool
    loss: float
    """Layout loss at the first guided step over that without an adapter."""
    iterations: float | None
    """Iterations of the fit that starts from it over those of the cold fit, where that was made."""


def transfer(checkpoint: Path, number: int, fits: int, rng: random.Random, seed: int) -> list[Loaded]:
    """Learn adapters for captions of which some are alike, and load each for the others.

    Args:
        checkpoint: the embedded model.
        number: captions.
        fits: fits from a loaded adapter, in each of :data:`BINS`, alike and not.
        rng: draws captions, layouts and pairs.
        seed: seed of the first caption's noise; each has noise of its own, as in the shipped config.
    """
    from lightning.pytorch import Trainer
    from sprites_module import sprites_module

    module = sprites_module(checkpoint)
    adapter = module.adapter
    assert adapter is not None
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(accelerator="cpu", enable_model_summary=False, **quiet)

    def fit(place: int, state: dict[str, Tensor] | None = None) -> int:
        module.begin(module.prepare(prompts[place][0], seed + place))
        if state is not None:
            adapter.load_state_dict(state)
        trainer.fit_loop.max_epochs = trainer.current_epoch + module.guided_steps
        trainer.fit(module)
        return module.updates

    kinds: dict[Hashable, list[Layout]] = {}
    for layout, label in sprites(40 * number, rng):
        kinds.setdefault(label, []).append(layout)
    wanted = [(layout, label) for label, own in kinds.items() for layout in own[:3] if len(own) >= 3][:number]
    prompts = [(jittered(layout, rng, 0.01 * (i % 3)), label) for i, (layout, label) in enumerate(wanted)]
    keys = [scene_key(layout, module.backbone.embed)[1] for layout, _ in prompts]
    cold, states = [], []
    for place in range(len(prompts)):
        cold.append(fit(place))
        states.append(module.learnt)
    pairs: dict[tuple[int, bool], list[tuple[int, int, float, float]]] = {}
    for j, (layout, label) in enumerate(prompts):
        module.begin(module.prepare(layout, seed + j))
        with torch.no_grad():
            neutral = float(module.layout_loss(0))
            for i, (_, other) in enumerate(prompts):
                if i != j:
                    adapter.load_state_dict(states[i])
                    similarity = float(keys[i] @ keys[j])
                    group = (int(np.digitize(similarity, BINS)), label == other)
                    pairs.setdefault(group, []).append((i, j, similarity, float(module.layout_loss(0)) / neutral))
    loaded = []
    for (_, alike), found in pairs.items():
        rng.shuffle(found)
        for place, (i, j, similarity, loss) in enumerate(found):
            warm = fit(j, states[i]) / max(1, cold[j]) if place < fits else None
            loaded.append(Loaded(similarity, alike, loss, warm))
    return loaded


def transfer_table(loaded: Sequence[Loaded]) -> list[str]:
    """Return a line for each range of similarities, prompts alike and not."""
    head = "| similarity | alike | pairs | first layout loss, of that without adapter | iterations, of a cold fit |"
    lines = [head, "| --- | --- | --: | --: | --: |"]
    for place in range(len(BINS) + 1):
        low, high = (-1.0, *BINS)[place], (*BINS, 1.0)[place]
        for alike in (True, False):
            own = [x for x in loaded if np.digitize(x.similarity, BINS) == place and x.alike == alike]
            fits = [x.iterations for x in own if x.iterations is not None]
            if own:
                losses, mean = np.quantile([x.loss for x in own], (0.5, 0.25, 0.75)), np.mean(fits)
                cells = [f"{low:g} … {high:g}", "yes" if alike else "no", str(len(own))]
                cells += ["{:.2f} (quartiles {:.2f}, {:.2f})".format(*losses), f"{mean:.2f} ({len(fits)} fits)"]
                lines.append("| " + " | ".join(cells) + " |")
    return lines


def plot(path: Path, curves: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]], loaded: list[Loaded]) -> None:
    """Draw precision and recall at the shipped text weight, and the losses of transferred adapters."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for title, (precision, recall) in curves.items():
        (line,) = left.plot(THRESHOLDS, precision, label=f"{title}, precision")
        left.plot(THRESHOLDS, recall, "--", color=line.get_color(), label="recall")
    left.axvline(SHIPPED, color="grey", lw=0.8)
    left.set(xlabel="threshold", ylabel="precision, recall of hits", ylim=(0, 1.02))
    left.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    for alike, name in ((False, "not alike"), (True, "alike")):
        own = [each for each in loaded if each.alike == alike]
        right.scatter([x.similarity for x in own], [x.loss for x in own], s=6, alpha=0.6, label=name)
    right.axhline(1, color="black", lw=0.8)
    right.axvline(SHIPPED, color="grey", lw=0.8)
    right.set(xlabel="similarity of the keys", ylabel="first layout loss, of that without adapter")
    right.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    figure.savefig(path, dpi=100)


def samples(embed: Embed) -> list[str]:
    """Return how close the paper's samples of abstractions are, by text alone."""
    path = SHARED / "ttom" / "scene_abstractions_sample.tsv"
    if not path.is_file():
        return []
    texts = [line.split("\t")[1] for line in path.read_text().splitlines()[1:]]
    vectors = embed([text.split("]. ", 1)[-1] for text in texts])
    labels = [text.count("<object_") for text in texts]
    similarity = (vectors @ vectors.T).numpy()
    pairs = [(similarity[i, j], labels[i] == labels[j]) for i in range(len(texts)) for j in range(i)]
    alike, other = (np.mean([value for value, same in pairs if same == wanted]) for wanted in (True, False))
    return [f"Samples of abstractions, text alone: cosine {alike:.2f} for as many objects, {other:.2f} otherwise.", ""]


def mirrored(labelled: Sequence[Labelled]) -> str:
    """Return how close layouts are to their mirror images."""
    pairs = [(one, replace(one, tracks=tuple(map(_mirrored, one.tracks)))) for one, _ in labelled]
    cosines = [float(layout_vector(one) @ layout_vector(other)) for one, other in pairs if one != other]
    return f"median cosine {np.median(cosines):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-keys"), help="folder")
    parser.add_argument("--prompts", type=int, default=400)
    parser.add_argument("--jitter", type=float, default=0.03)
    parser.add_argument("--precision", type=float, default=0.95)
    parser.add_argument("--learn", type=int, default=30, help="captions to learn adapters for; 0 leaves it out")
    parser.add_argument("--fits", type=int, default=6, help="fits from loaded adapters in each range, alike and not")
    parser.add_argument("--text-encoder", help="sentence-transformers model (default: the embedded model's own)")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints" / "sprites")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    quieten()
    rng = random.Random(options.seed)
    name, embed = text_encoder(options.text_encoder, options.checkpoint)
    captions = sprites(options.prompts, rng)
    sets = {"Sprites captions": captions, "Sprites captions, moved": jittered_all(captions, rng, options.jitter)}
    motion = SHARED / "t2vcompbench" / "motion_binding.json"
    if motion.is_file():
        sets["T2V-CompBench motion, moved"] = jittered_all(compbench(motion), rng, options.jitter)
    lines = [
        "# Keys of the memory, and what a hit gives",
        "",
        "`python benchmarks/memory_keys.py --out benchmarks/results`",
        "",
        f"Text encoder: {name}; moved: boxes moved and resized by {options.jitter:g} of the frame; "
        f"seed {options.seed}; {machine()}.",
        "",
        "| prompts | text weight | best | precision | recall | precision at 0.80 · 0.84 · 0.90 · 0.95 | recall there |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    curves = {}
    for title, labelled in sets.items():
        for weight in (0.0, 0.25, TEXT_WEIGHT, 0.75, 1.0):
            keys = np.stack([scene_key(layout, embed, weight)[1] for layout, _ in labelled])
            precision, recall = curve(keys, [label for _, label in labelled])
            at = best(precision, recall, options.precision)
            fixed = [int(np.argmin(abs(THRESHOLDS - threshold))) for threshold in (0.8, 0.84, 0.9, 0.95)]
            cells = [title, f"{weight:g}", f"{THRESHOLDS[at]:.2f}", f"{precision[at]:.3f}", f"{recall[at]:.3f}"]
            cells += [" · ".join(f"{values[i]:.2f}" for i in fixed) for values in (precision, recall)]
            lines.append("| " + " | ".join(cells) + " |")
            if weight == TEXT_WEIGHT:
                curves[title] = (precision, recall)
    lines += ["", *samples(embed), f"The same text with its boxes mirrored, layouts alone: {mirrored(captions)}."]
    loaded = []
    if options.learn and (options.checkpoint / "transformer").is_dir():
        loaded = transfer(options.checkpoint, options.learn, options.fits, rng, 42)
        lines += ["", f"Adapters of {options.learn} captions loaded for each other:", "", *transfer_table(loaded)]
    options.out.mkdir(parents=True, exist_ok=True)
    plot(options.out / "memory_keys.png", curves, loaded)
    lines += ["", "![precision, recall and losses over similarity](memory_keys.png)"]
    (options.out / "memory_keys.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _mirrored(track: Track) -> Track:
    boxes = tuple(None if box is None else (1 - box[2], box[1], 1 - box[0], box[3]) for box in track.boxes)
    return replace(track, boxes=boxes)


if __name__ == "__main__":
    main()
