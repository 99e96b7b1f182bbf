"""Prompts as text encoders read them, whatever they were typed or copied with."""

import html
import re
import unicodedata
from dataclasses import replace

import ftfy

from ttom_pl.layout.schema import Layout, LayoutError, Track
from ttom_pl.layout.spans import Span

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0e\ufe0f\ufeff]"
)
_PLAIN = str.maketrans("\u2010\u2011\u2012\u2044", "---/")
_MOST_ROUNDS = 8


def as_read(text: str) -> str:
    """Return a text in the one form that all ways of typing it share.

    Ligatures ("ﬁsh"), full-width letters and accents typed apart become what they stand for (Unicode's NFKC), curly
    quotes straight ones, HTML entities their characters, any space a single one; what cannot be seen goes. That is what
    Wan's pipeline does to a prompt, and T5's tokenizers too; both leave the result as it is.
    """
    for _ in range(_MOST_ROUNDS):
        before = text
        text = html.unescape(ftfy.fix_text(text))
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_PLAIN)
        text = " ".join(text.split())
        if text == before:
            break
    return text


def layout_as_read(layout: Layout) -> Layout:
    """Return a layout of its prompt as it is read, with the prompt that it was of as ``original_prompt``.

    Raises:
        LayoutError: if one of its words is no word any more.
    """
    prompt = as_read(layout.prompt)
    if prompt == layout.prompt:
        return layout
    tracks = tuple(_track_as_read(track, layout.prompt, prompt) for track in layout.tracks)
    return replace(layout, prompt=prompt, tracks=tracks, original_prompt=layout.original_prompt or layout.prompt)


def _track_as_read(track: Track, typed: str, prompt: str) -> Track:
    words = tuple(map(as_read, track.words))
    if not all(words):
        raise LayoutError(f"object {track.id} has a word that cannot be seen: {track.words}; name one of the prompt")
    spans = [_moved(span, typed, prompt, word) for span, word in zip(track.spans, words, strict=False)]
    known = () if None in spans else tuple(span for span in spans if span is not None)
    return replace(track, phrase=as_read(track.phrase), words=words, spans=known)


def _moved(span: Span, typed: str, prompt: str, word: str) -> Span | None:
    """Return where a word is after its prompt was cleaned: where it occurs nearest to what stood before it."""
    at = len(as_read(f"{typed[: span[0]]}x")) - 1
    starts = [match.start() for match in re.finditer(re.escape(word), prompt)]
    start = min(starts, key=lambda place: abs(place - at), default=None)
    return None if start is None else (start, start + len(word))
