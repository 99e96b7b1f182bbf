"""What a prompt's video must show: from metadata where there is any, else from its text."""

from collections import Counter

from ttom_pl.evaluation.expectation import Expectation
from ttom_pl.evaluation.from_english import from_english
from ttom_pl.evaluation.metadata import from_metadata
from ttom_pl.layout.text import as_read
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.sprites.caption import parse_caption


def expect(prompt: Prompt) -> Expectation:
    """Return what a prompt's video must show, and where that is known from.

    The metadata decides where there is any: T2V-CompBench's fields, VBench's ``auxiliary_info``, or ``category`` with
    one of the judged categories. Else the text does: a Sprites caption is read exactly, other English by the grammar
    that plans it, which takes numbers from two up, straight ways and relations in the image plane that are said in
    words.

    Raises:
        ValueError: if the metadata cannot be used.
    """
    known = from_metadata(prompt) if prompt.metadata else None
    if known is not None:
        return known
    try:
        return from_caption(as_read(prompt.text))
    except ValueError:
        return from_english(as_read(prompt.text))


def from_caption(text: str) -> Expectation:
    """Return what a caption of the Sprites world asks for, exactly.

    Raises:
        ValueError: if the text is none.
    """
    groups, relation = parse_caption(text)
    looks = [f"{group.color} {group.shape}" for group in groups]
    counts: Counter[str] = Counter()
    for look, group in zip(looks, groups, strict=True):
        counts[look] += group.count
    ways = [(look, g.motion) for look, g in zip(looks, groups, strict=True) if g.motion != "still"]
    unambiguous = tuple(way for way in ways if looks.count(way[0]) == 1)
    related = None if relation is None else (looks[0], relation.removesuffix(" of"), looks[1])
    return Expectation(unambiguous, tuple(counts.items()), related, truth="caption")


__all__ = ["expect", "from_caption"]
