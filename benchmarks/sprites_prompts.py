"""Prompt files of the benchmark, drawn by a fixed rule: one object, two objects, a stream of few scenes.

    python benchmarks/sprites_prompts.py --out runs/benchmark/prompts --seed 2026

Two-object captions are held out: those that the training set of the shipped model holds are left out.
"""

import argparse
import json
import random
from itertools import permutations
from pathlib import Path

from ttom_pl.sprites.data import SceneDataset
from ttom_pl.sprites.world import COLORS, SHAPES, Group, caption

MOVING = ("left", "right", "up", "down")
TRAIN_VIDEOS, TRAIN_SEED = 32_000, 2
"""Training set of the shipped model, as in configs/pretrain.yaml."""


def training_captions() -> set[str]:
    """Return every caption of the training set."""
    scenes = SceneDataset(TRAIN_VIDEOS, TRAIN_SEED)
    return {scenes.scene(index).caption for index in range(len(scenes))}


def _look(rng: random.Random, motion: str) -> Group:
    return Group(rng.choice(list(COLORS)), rng.choice(SHAPES), motion)


def one_object(rng: random.Random, count: int) -> list[str]:
    """Draw captions of one moving object."""
    return [caption((_look(rng, rng.choice(MOVING)),)) for _ in range(count)]


def two_objects(rng: random.Random, motions: tuple[str, str], seen: set[str]) -> str:
    """Draw a caption of two objects of different colours with the given motions that ``seen`` does not hold."""
    while True:
        first, second = (_look(rng, motion) for motion in motions)
        text = caption((first, second))
        if first.color != second.color and text not in seen:
            return text


def make_prompts(out: Path, seed: int, count: int, stream: int) -> dict[str, Path]:
    """Write ``one.jsonl``, ``two.jsonl`` and ``stream.jsonl`` and return their paths.

    Args:
        out: folder.
        seed: of the draw.
        count: prompts of ``one`` and ``two``.
        stream: prompts of ``stream``: the 12 ordered pairs of different directions, in random order.
    """
    rng = random.Random(seed)
    scenes = list(permutations(MOVING, 2))
    seen = training_captions()
    order = [scenes[i % len(scenes)] for i in range(stream)]
    rng.shuffle(order)
    sets = {
        "one": one_object(rng, count),
        "two": [two_objects(rng, scenes[i % len(scenes)], seen) for i in range(count)],
        "stream": [two_objects(rng, motions, seen) for motions in order],
    }
    out.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, texts in sets.items():
        paths[name] = out / f"{name}.jsonl"
        lines = (json.dumps({"id": f"{name}-{i:03d}", "prompt": text}) for i, text in enumerate(texts, start=1))
        paths[name].write_text("\n".join(lines) + "\n")
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--stream", type=int, default=120)
    options = parser.parse_args()
    for path in make_prompts(options.out, options.seed, options.count, options.stream).values():
        print(path)
