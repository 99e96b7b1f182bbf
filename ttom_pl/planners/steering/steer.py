"""From the layout of a short prompt to that of a long one, from which the video is made."""

from dataclasses import replace

from ttom_pl.layout.schema import Layout, LayoutError, Track
from ttom_pl.layout.spans import Span, find_words
from ttom_pl.planners.english.legible import legible
from ttom_pl.planners.english.nouns import is_plural
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.tokens import Token, tokenize
from ttom_pl.planners.steering.closeness import is_alive, naming_word
from ttom_pl.planners.steering.mentions import find_mentions, noun_phrases


def steer_in(layout: Layout, long: str) -> Layout:
    """Return a layout with the same boxes whose objects are steered in a longer prompt, wherever that mentions them.

    Args:
        layout: the layout, planned from a short prompt.
        long: the prompt that the video is made from. If the layout is of this prompt already, the words that it steers
            remain, and further mentions of its objects are added.

    Returns:
        The layout of ``long``, with what it was planned from as ``original_prompt``.

    Raises:
        LayoutError: if the long prompt does not mention an object; the message names it.
    """
    read = legible(long)
    objects = list(dict.fromkeys((track.phrase, track.words, track.spans) for track in layout.tracks))
    wanted = [_noun_phrase(phrase, words) for phrase, words, _ in objects]
    steered: dict[tuple[object, ...], tuple[str, list[Span]]] = {}
    mentioned = find_mentions(wanted, read.text)
    for (phrase, words, spans), noun, mentions in zip(objects, wanted, mentioned, strict=True):
        literal = list(spans) if layout.prompt == long else []
        if not (literal or mentions):
            literal = _literal(long, phrase, words) if read.problem else []
        if not (literal or mentions):
            raise LayoutError(
                f"the long prompt does not mention the object {phrase!r} of the prompt {_short(layout.prompt)}; "
                f"name it there, or leave it out here: {_short(long)}"
            )
        places = {read.span(word.start, word.end) for mention in mentions for word in _steered(mention, noun, words)}
        start, end = read.span(mentions[0].start, mentions[0].head.end) if mentions else literal[0]
        steered[phrase, words, spans] = phrase if literal else long[start:end], sorted({*places, *literal})
    tracks = tuple(_moved(track, long, *steered[track.phrase, track.words, track.spans]) for track in layout.tracks)
    original = layout.original_prompt or ("" if layout.prompt == long else layout.prompt)
    return replace(layout, prompt=long, tracks=tracks, original_prompt=original)


def _literal(long: str, phrase: str, words: tuple[str, ...]) -> list[Span]:
    """Return where a prompt that the grammar cannot read has the very words of an object; nothing where it has not."""
    try:
        return list(find_words(long, phrase, words)[1])
    except LayoutError:
        return []


def _noun_phrase(phrase: str, words: tuple[str, ...]) -> NounPhrase:
    """Return the noun phrase of an object; its noun is the last of the words that are steered."""
    head = words[-1].split()[-1]
    for noun in noun_phrases(legible(phrase).text):
        if noun.head.text.casefold() == head.casefold():
            return noun
    text = " ".join(words)
    *modifiers, last = [token for token in tokenize(text) if token.is_word] or tokenize(text)
    plural = is_plural(last.low)
    return NounPhrase(0, len(text), last, tuple(modifiers), "", None if plural else 1, plural)


def _steered(mention: NounPhrase, wanted: NounPhrase, words: tuple[str, ...]) -> list[Token]:
    """Return the words of a mention that are steered: its noun, with the adjectives that are asked for.

    Where a word before the noun names the object it is that ("a *TV* screen"), with the noun if both are one being.
    """
    asked = {wanted.lemma, *(word.casefold() for word in words[:-1])}
    chosen = [word for word in mention.modifiers if word.low in asked]
    naming = naming_word(mention, wanted)
    if naming is None or is_alive(mention):
        chosen.append(mention.head)
    return chosen if naming is None or naming in chosen else [naming, *chosen]


def _moved(track: Track, long: str, phrase: str, spans: list[Span]) -> Track:
    return replace(track, phrase=phrase, words=tuple(long[start:end] for start, end in spans), spans=tuple(spans))


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
