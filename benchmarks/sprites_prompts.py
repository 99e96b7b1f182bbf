"""Prompt files of the benchmarks, drawn by fixed rules: one object, two objects, relations, streams of few scenes.

    python benchmarks/sprites_prompts.py --out runs/benchmark/prompts --seed 2026

Two-object captions are held out: those that the training set of the shipped model holds are left out. Of the 1080
relations between objects of different colours it leaves 80 alone; these come first, and the ids of the others say so.
"""

import argparse
import json
import random
from itertools import permutations, product
from pathlib import Path

from ttom_pl.sprites.data import SceneDataset
from ttom_pl.sprites.world import COLORS, RELATIONS, SHAPES, Group, caption

MOVING = ("left", "right", "up", "down")
TRAIN_VIDEOS, TRAIN_SEED = 32_000, 2
"""Training set of the shipped model, as in configs/pretrain.yaml."""


def training_captions() -> set[str]:
    """Return every caption of the training set."""
    scenes = SceneDataset(TRAIN_VIDEOS, TRAIN_SEED)
    return {scenes.caption(index) for index in range(len(scenes))}


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


def category_prompts(out: Path, seed: int, count: int, fill: int) -> dict[str, Path]:
    """Write ``motion.jsonl`` and ``spatial.jsonl``, and for each other prompts to fill a memory; return their paths.

    No caption is in two of the files, nor twice in one.

    Args:
        out: folder.
        seed: of the draw.
        count: prompts of a category: of motion, two objects that move in different directions, the 12 ordered pairs of
            these in turn; of spatial, the four relations.
        fill: prompts to fill a memory with, by the same rules.

    Raises:
        ValueError: if there are not so many captions.
    """
    seen = training_captions()
    texts = {"motion": _motions(seed, count + fill, seen), "spatial": _relations(seed, count + fill, seen)}
    paths = {}
    for name, drawn in texts.items():
        paths[name] = _write(out, name, drawn[:count], seen)
        paths[f"{name}-fill"] = _write(out, f"{name}-fill", drawn[count:], seen)
    return paths


def stream_prompts(out: Path, seed: int, count: int) -> Path:
    """Write ``stream.jsonl``: the 12 ordered pairs of different directions in random order, and return its path."""
    seen = training_captions()
    texts = _motions(seed, count, seen)
    random.Random(f"{seed}-order").shuffle(texts)
    return _write(out, "stream", texts, seen)


def _motions(seed: int, count: int, seen: set[str]) -> list[str]:
    """Draw captions of two objects that move in different directions."""
    rng, scenes = random.Random(f"{seed}-motion"), list(permutations(MOVING, 2))
    texts = []
    free = {scene: sorted(_captions(scene) - seen) for scene in scenes}
    for number in range(count):
        left = free[scenes[number % len(scenes)]]
        if not left:
            raise ValueError(f"there are not {count} held-out captions of two motions; ask for at most {number}")
        texts.append(left.pop(rng.randrange(len(left))))
    return texts


def _captions(motions: tuple[str, str]) -> set[str]:
    pairs = product(product(COLORS, SHAPES), repeat=2)
    return {caption((Group(*a, motions[0]), Group(*b, motions[1]))) for a, b in pairs if a[0] != b[0]}


def _relations(seed: int, count: int, seen: set[str]) -> list[str]:
    """Draw captions of two objects in a relation, held-out ones first."""
    pairs = product(product(COLORS, SHAPES), repeat=2)
    looks = [(Group(*a), Group(*b)) for a, b in pairs if a[0] != b[0]]
    texts = sorted(caption(groups, relation) for groups, relation in product(looks, RELATIONS))
    if count > len(texts):
        raise ValueError(f"there are not {count} captions of relations; ask for at most {len(texts)}")
    random.Random(f"{seed}-spatial").shuffle(texts)
    return sorted(texts, key=seen.__contains__)[:count]


def _write(out: Path, name: str, texts: list[str], seen: set[str]) -> Path:
    """Write a prompt file; the id of a caption that is in the training set ends in ``-seen``."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.jsonl"
    ids = (f"{name}-{i:03d}{'-seen' * (text in seen)}" for i, text in enumerate(texts, start=1))
    lines = (json.dumps({"id": id, "prompt": text}) for id, text in zip(ids, texts, strict=True))
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--stream", type=int, default=120)
    options = parser.parse_args()
    for path in make_prompts(options.out, options.seed, options.count, options.stream).values():
        print(path)
