"""Keys of the memory: the abstracted scene, and a vector that separates what text and layout separate."""

import re
from collections.abc import Callable, Sequence
from importlib import import_module

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.layout import Layout, gaussian_maps, interpolate_boxes

Embed = Callable[[Sequence[str]], Tensor]
"""Texts to unit vectors, shape (N, D)."""

TEXT_WEIGHT = 0.5
"""Share of the text in a key, unless another is given."""

_KEY_FRAMES = 3
_KEY_GRID = 8
_KEY_TRACKS = 6
_SEGMENTS = 3
_STILL = 0.02  # fraction of the frame

_DETERMINERS = "a|an|the|one|two|three|four|five|six|some|his|her|its|their"
_FUNCTION_WORDS = (
    f"{_DETERMINERS}|about|above|across|after|against|along|among|and|around|as|at|away|before|behind|below|beneath|beside"
    "|between|beyond|but|by|down|from|in|inside|into|like|near|next|of|off|on|onto|or|out|over|past|that|through|to"
    "|toward|towards|under|up|upon|while|who|which|with|within|without"
)
_PLACES = "left|right|leftwards?|rightwards?|upwards?|downwards?|still|here|there|together"
_AUXILIARIES = "is|are|was|were|be|been|being|has|have|had|begins? to|starts? to"
_WORD = r"[\w'-]+"
_ADVERB_ENDING = r"\w{3,}ly"
_NO_VERB = rf"(?:{_FUNCTION_WORDS}|{_PLACES}|{_AUXILIARIES}|{_ADVERB_ENDING})\b"
_VERB = rf"(?:\s+(?:{_AUXILIARIES}))*\s+(?!{_NO_VERB}){_WORD}"


def abstract_scene(layout: Layout) -> str:
    """Return the scene as text: directions of what moves, and the prompt with its names forgotten.

    ``"A red kayak paddles to the left side of a calm lake."`` becomes ``"Direction: [left left left]. <object_0>
    <verb_0> to the left side of <environment_0>."`` Tracks of one phrase are one object; a count stays, as it is part
    of the scene. A verb is what follows its object at once, or after an adverb; others stay.
    """
    names = list(dict.fromkeys(track.phrase for track in layout.tracks))
    moves = [_directions(layout, phrase) for phrase in names]
    directions = " | ".join(" ".join(words) for words in moves if set(words) != {"still"})
    prefix = f"Direction: [{directions}]. " if directions else ""
    return prefix + abstract_prompt(layout)


def abstract_prompt(layout: Layout) -> str:
    """Return the prompt with ``<object_i>``, ``<verb_i>`` and ``<environment_0>`` in place of names; see above."""
    text = " ".join(layout.prompt.split())
    for number, phrase in enumerate(dict.fromkeys(track.phrase for track in layout.tracks)):
        count = sum(track.phrase == phrase for track in layout.tracks)
        name = f"<object_{number}>" if count == 1 else f"{count} <object_{number}>"
        text = _replace(phrase, name, text)
        text = re.sub(
            rf"(<object_{number}>(?:\s+{_ADVERB_ENDING})?){_VERB}",
            rf"\1 <verb_{number}>",
            text,
            count=1,
            flags=re.IGNORECASE,
        )
    if layout.background:
        text = _replace(layout.background, "<environment_0>", text)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def layout_vector(layout: Layout) -> Tensor:
    """Return where the objects are as a unit vector: the Gaussians of each track on a coarse grid at a few times.

    The cosine of two such vectors is near 1 for the same boxes and near 0 for boxes that do not meet. It tells apart
    which object is where, in the order of the tracks; tracks beyond the sixth share slots with the first.

    Returns:
        float32 of shape (6 · 3 · 8 · 8,).
    """
    maps = gaussian_maps(interpolate_boxes(layout, _KEY_FRAMES), _KEY_GRID, _KEY_GRID).flatten(1)
    slots = torch.zeros(_KEY_TRACKS, maps.shape[1], dtype=maps.dtype)
    slots.index_add_(0, torch.arange(len(maps)) % _KEY_TRACKS, maps)
    return torch.nn.functional.normalize(slots.flatten(), dim=0).float()


def scene_key(layout: Layout, embed: Embed, text_weight: float = TEXT_WEIGHT) -> tuple[str, NDArray[np.float32]]:
    """Return the key of a layout as text and as a unit vector.

    The cosine of two keys is ``text_weight`` · cos(texts) + (1 - ``text_weight``) · cos(layouts). The directions that
    begin the text are left to the layout's part, which knows them better; short text encoders would cut the rest off.

    Args:
        layout: the layout, with its prompt.
        embed: texts to unit vectors, shape (N, D).
        text_weight: share of the text, from 0 to 1.

    Raises:
        ValueError: if ``text_weight`` is out of its range.
    """
    if not 0 <= text_weight <= 1:
        raise ValueError(f"text_weight is {text_weight}; it must be from 0 (layout alone) to 1 (text alone)")
    text = embed([abstract_prompt(layout)])[0]
    parts = [text_weight**0.5 * text, (1 - text_weight) ** 0.5 * layout_vector(layout)]
    key: NDArray[np.float32] = torch.cat(parts).numpy()
    return abstract_scene(layout), key


def sentence_embedder(name: str) -> Embed:
    """Return the text part of keys by a sentence-transformers model.

    Args:
        name: folder or hub id of the model, e.g. ``"sentence-transformers/all-MiniLM-L6-v2"``.

    Raises:
        ValueError: if sentence-transformers is not installed.
    """
    try:
        library = import_module("sentence_transformers")
    except ModuleNotFoundError as error:
        raise ValueError(
            f"keys by {name!r} need sentence-transformers; pip install sentence-transformers, "
            "or leave text_encoder out to use the backbone's own"
        ) from error
    model = library.SentenceTransformer(name)

    def embed(texts: Sequence[str]) -> Tensor:
        vectors: Tensor = model.encode(list(texts), convert_to_tensor=True, normalize_embeddings=True)
        return vectors.float().cpu()

    return embed


def _replace(phrase: str, name: str, text: str) -> str:
    """Replace a phrase, with the determiner and the adjectives before it where the phrase lacks them."""
    modifiers = rf"(?:\b(?:{_DETERMINERS})\s+(?:(?!(?:{_FUNCTION_WORDS})\b){_WORD}\s+){{0,3}}?)?"
    pattern = rf"{modifiers}(?<!\w){re.escape(phrase)}(?!\w)"
    return re.sub(pattern, name, text, count=1, flags=re.IGNORECASE)


def _directions(layout: Layout, phrase: str) -> list[str]:
    """Return where an object goes in each third of the video; the mean of all tracks of its phrase."""
    indices = [i for i, track in enumerate(layout.tracks) if track.phrase == phrase]
    boxes = interpolate_boxes(layout, _SEGMENTS + 1)[indices]
    centers = ((boxes[..., :2] + boxes[..., 2:]) / 2).nanmean(0)
    words = []
    for dx, dy in (centers[1:] - centers[:-1]).nan_to_num().tolist():
        if max(abs(dx), abs(dy)) < _STILL:
            words.append("still")
        elif abs(dx) >= abs(dy):
            words.append("left" if dx < 0 else "right")
        else:
            words.append("up" if dy < 0 else "down")
    return words
