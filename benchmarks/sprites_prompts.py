"""Prompt files of the benchmarks, drawn by fixed rules: one object, two objects, relations, counts, streams.

    python benchmarks/sprites_prompts.py --out runs/benchmark/prompts --seed 2026

Captions of two and more objects are held out: those that the training set of the shipped model holds are left out. Of
the 1080 relations between objects of different colours it leaves 80 alone; these come first. Ids of captions that the
training set holds end in ``-seen``.
"""

import argparse
import json
import math
import random
from collections.abc import Sequence
from itertools import permutations, product
from pathlib import Path

from ttom_pl.sprites.data import SceneDataset
from ttom_pl.sprites.world import COLORS, MOTIONS, RELATIONS, SHAPES, Group, caption

MOVING = ("left", "right", "up", "down")
TRAIN_VIDEOS, TRAIN_SEED = 32_000, 2
"""Training set of the shipped model, as in configs/pretrain.yaml."""


def training_captions() -> set[str]:
    """Return every caption of the training set."""
    scenes = SceneDataset(TRAIN_VIDEOS, TRAIN_SEED)
    return {scenes.caption(index) for index in range(len(scenes))}


def main_prompts(out: Path, seed: int, count: int, stream: int) -> dict[str, Path]:
    """Write ``one.jsonl``, ``two.jsonl`` and ``stream.jsonl`` and return their paths.

    No caption of two objects is in both of their files, nor twice in one.

    Args:
        out: folder.
        seed: of the draw.
        count: prompts of ``two``, and at least of ``one``: all 72 captions of one moving object, as often as it takes.
            The training set holds all of these; only their noise is held out.
        stream: prompts of ``stream``: the 12 ordered pairs of different directions, in random order.

    Raises:
        ValueError: if there are not so many held-out captions.
    """
    seen = training_captions()
    looks = product(COLORS, SHAPES, MOVING)
    one = [caption((Group(*look),)) for look in looks]
    texts = _motions(f"{seed}-main", count + stream, seen)
    two, rest = texts[:count], texts[count:]
    random.Random(f"{seed}-main-order").shuffle(rest)
    sets = {"one": one * math.ceil(count / len(one)), "two": two, "stream": rest}
    return {name: _write(out, name, drawn, seen) for name, drawn in sets.items()}


def category_prompts(out: Path, seed: int, count: int, fill: int) -> dict[str, Path]:
    """Write ``motion``, ``spatial`` and ``numeracy.jsonl``, and for each others to fill a memory; return their paths.

    No caption is in two of the files, nor twice in one.

    Args:
        out: folder.
        seed: of the draw.
        count: prompts of a category: of motion, two objects that move in different directions, the 12 ordered pairs of
            these in turn; of spatial, the four relations; of numeracy, one object and two others that move alike or
            stay still.
        fill: prompts to fill a memory with, by the same rules.

    Raises:
        ValueError: if there are not so many captions.
    """
    seen = training_captions()
    texts = {
        "motion": _motions(f"{seed}-motion", count + fill, seen),
        "spatial": _relations(seed, count + fill, seen),
        "numeracy": _counts(seed, count + fill, seen),
    }
    paths = {}
    for name, drawn in texts.items():
        paths[name] = _write(out, name, drawn[:count], seen)
        paths[f"{name}-fill"] = _write(out, f"{name}-fill", drawn[count:], seen)
    return paths


def stream_prompts(out: Path, seed: int, count: int) -> Path:
    """Write ``stream.jsonl``: the 12 ordered pairs of different directions in random order, and return its path."""
    seen = training_captions()
    texts = _motions(f"{seed}-motion", count, seen)
    random.Random(f"{seed}-order").shuffle(texts)
    return _write(out, "stream", texts, seen)


def _motions(seed: str, count: int, seen: set[str]) -> list[str]:
    """Draw captions of two objects that move in different directions."""
    scenes = [
        {caption((Group(*a, first), Group(*b, second))) for a, b in _looks()}
        for first, second in permutations(MOVING, 2)
    ]
    return _draw(seed, count, scenes, seen)


def _counts(seed: int, count: int, seen: set[str]) -> list[str]:
    """Draw captions of one object and two others, all with the same motion."""
    scenes = [
        {caption((Group(*a, motion, numbers[0]), Group(*b, motion, numbers[1]))) for a, b in _looks()}
        for motion, numbers in product(MOTIONS, [(1, 2), (2, 1)])
    ]
    return _draw(f"{seed}-numeracy", count, scenes, seen)


def _draw(seed: str, count: int, scenes: Sequence[set[str]], seen: set[str]) -> list[str]:
    """Draw held-out captions, none twice, from each scene in turn."""
    rng, texts = random.Random(seed), []
    free = [sorted(captions - seen) for captions in scenes]
    for number in range(count):
        left = free[number % len(free)]
        if not left:
            raise ValueError(f"there are not {count} held-out captions of this kind; ask for at most {number}")
        texts.append(left.pop(rng.randrange(len(left))))
    return texts


def _looks() -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Return all pairs of colour and shape whose colours differ."""
    return [(a, b) for a, b in product(product(COLORS, SHAPES), repeat=2) if a[0] != b[0]]


def _relations(seed: int, count: int, seen: set[str]) -> list[str]:
    """Draw captions of two objects in a relation, held-out ones first."""
    texts = sorted(caption((Group(*a), Group(*b)), relation) for (a, b), relation in product(_looks(), RELATIONS))
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
    for path in main_prompts(options.out, options.seed, options.count, options.stream).values():
        print(path)
