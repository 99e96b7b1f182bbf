"""Where an object's words are in its prompt, so that the right tokens are steered."""

import re
from collections.abc import Sequence

from ttom_pl.layout.schema import LayoutError

Span = tuple[int, int]
"""(start, end) in characters of the prompt."""

_DETERMINER = re.compile(r"^(?:an?|the|one|some|his|her|its|their|this|that)\s+", re.IGNORECASE)
_REST = re.compile(r"[,;:(]|\s(?:of|in|on|at|with|who|that|which|from|to|by|near|under|over|behind|wearing)\s")
_WORD = re.compile(r"\w[\w'’-]*")
_ENDINGS = (("y", "ies"), ("fe", "ves"), ("f", "ves"), ("", "es"), ("", "s"))


def find_phrase(prompt: str, phrase: str) -> Span | None:
    """Return where a phrase is in the prompt, whatever its case, spacing and article; ``None`` if it is nowhere."""
    for variant in (phrase, _DETERMINER.sub("", phrase)):
        if variant.strip():
            pattern = r"\s+".join(map(re.escape, variant.split()))
            match = re.search(rf"(?<!\w){pattern}(?!\w)", prompt, re.IGNORECASE)
            if match:
                return match.span()
    return None


def head_word(phrase: str) -> str:
    """Return the noun that a phrase is about: ``"man"`` of ``"a tall man in a white vest"``."""
    words = _WORD.findall(_REST.split(phrase.strip(), maxsplit=1)[0]) or _WORD.findall(phrase) or [phrase]
    return str(words[-1])


def find_words(prompt: str, phrase: str, words: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[Span, ...]]:
    """Return the words to steer for an object as the prompt spells them, and where they are.

    A word is looked for in the phrase's place first, so that "circle" of "a blue circle" is not that of a red one; then
    anywhere in the prompt, in the singular or plural.

    Args:
        prompt: the prompt.
        phrase: how it names the object.
        words: the words to steer; the phrase's noun when not given.

    Raises:
        LayoutError: if a word is not in the prompt.
    """
    place = find_phrase(prompt, phrase) or (0, 0)
    spans = []
    for word in words or (head_word(phrase),):
        for variant in _variants(word.strip()):
            pattern = re.compile(rf"(?<!\w){re.escape(variant)}(?!\w)", re.IGNORECASE)
            within = list(pattern.finditer(prompt, *place))
            match = within[-1] if within else pattern.search(prompt)
            if match:
                spans.append(match.span())
                break
        else:
            raise LayoutError(
                f"the word {word!r} of the object {phrase!r} is not in the prompt {prompt!r}; "
                "steer a word that the prompt has"
            )
    return tuple(prompt[start:end] for start, end in spans), tuple(spans)


def _variants(word: str) -> list[str]:
    if not word:
        return []
    plurals = [word.removesuffix(one) + many for one, many in _ENDINGS if word.endswith(one)]
    singulars = [word.removesuffix(many) + one for one, many in _ENDINGS if word.endswith(many)]
    return list(
        dict.fromkeys(variant for variant in (word, *plurals, *singulars) if len(variant) > 1 or variant == word)
    )
