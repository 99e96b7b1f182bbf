"""What of a prompt can be read: without markup, no longer than a text encoder reads, and in English."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ttom_pl.planners.english.adjectives import is_adjective
from ttom_pl.planners.english.function_words import (
    ARTICLES,
    AUXILIARIES,
    COORDINATORS,
    DETERMINERS,
    FOREIGN,
    NUMBERS,
    PREPOSITIONS,
    PRONOUNS,
)
from ttom_pl.planners.english.lexicon import look_up
from ttom_pl.planners.english.nouns import singular
from ttom_pl.planners.english.tokens import Token, tokenize
from ttom_pl.planners.english.verbs import guessed_verb, known_verb

MOST_WORDS, MOST_CHARACTERS = 512, 4096
"""What is read of a prompt. Wan's text encoder takes 512 tokens, CogVideoX's 226."""

_MARKUP = re.compile(
    r"<[^<>\n]{1,80}>"  # <lora:name:0.8>
    r"|:\s*[+-]?\d+(?:\.\d+)?(?=\s*[)\]])"  # the weight of (red:1.3)
    r"|[()\[\]{}*_#`|\\~]+|(?<=\w)[+-]{2,}"
    r"|\bBREAK\b|\bAND\b"
)
_WORD = re.compile(r"[^\W_]")
_SMALL = DETERMINERS | PREPOSITIONS | COORDINATORS | AUXILIARIES | PRONOUNS | NUMBERS.keys()
_SCRIPTS = {
    "CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "CYRILLIC": "Cyrillic",
    "ARABIC": "Arabic", "DEVANAGARI": "Hindi", "GREEK": "Greek", "HEBREW": "Hebrew", "THAI": "Thai",
}  # fmt: skip
_FEW = 4
_TAGS = 4


@dataclass(frozen=True)
class Legible:
    """A prompt as it is read.

    Attributes:
        text: its words, with single spaces.
        places: for each character of the text its place in the prompt.
        problem: why the grammar cannot read it; empty where it can.
        cut: whether there is more of the prompt than is read.
    """

    text: str
    places: Sequence[int]
    problem: str = ""
    cut: bool = False

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the prompt a part of the text, of one character at least, stands."""
        return self.places[start], self.places[end - 1] + 1


def legible(prompt: str) -> Legible:
    """Return what of a prompt can be read."""
    begin, end = _head(prompt)
    markup = {i for match in _MARKUP.finditer(prompt, begin, end) for i in range(*match.span())}
    places: list[int] = []
    letters: list[str] = []
    for i in range(begin, end):
        letter = " " if i in markup or prompt[i].isspace() else prompt[i]
        if letter != " " or (letters and letters[-1] != " "):
            places.append(i)
            letters.append(letter)
    text = "".join(letters).rstrip()
    return Legible(text, places, _problem(text), _WORD.search(prompt, end) is not None)


def _head(prompt: str) -> tuple[int, int]:
    """Return the beginning of a prompt that is read: up to the end of a sentence, where one ends there."""
    first = _WORD.search(prompt)
    begin = first.start() if first else 0
    end = min(len(prompt), begin + MOST_CHARACTERS)
    for words, match in enumerate(re.finditer(r"\S+", prompt[begin:end])):
        if words == MOST_WORDS:
            end = begin + match.start()
            break
    if end == len(prompt):
        return begin, end
    stop = max(prompt.rfind(mark, begin + MOST_CHARACTERS // 8, end) for mark in ".!?\n")
    return begin, stop + 1 if stop > 0 else end


def _problem(text: str) -> str:
    tokens = [token for token in tokenize(text) if token.is_word]
    if not tokens:
        return ""
    script = _script(text)
    if script:
        return f"it is written in {script}, and the grammar reads English alone"
    if not _is_english(tokens):
        return "hardly a word of it is known English"
    if _is_tags(text):
        return "it is a list of tags, which says nothing of who is where; write a sentence"
    return ""


def _script(text: str) -> str:
    """Return the language, or else the script, in which a fifth of the letters or more are; empty for Latin ones."""
    letters = [letter for letter in text if letter.isalpha()]
    other = [letter for letter in letters if not unicodedata.name(letter, "LATIN").startswith("LATIN")]
    if 5 * len(other) < len(letters) or not other:
        return ""
    first = Counter(unicodedata.name(letter, "").split(" ")[0] for letter in other)
    if first["HIRAGANA"] + first["KATAKANA"]:
        return "Japanese"
    script = first.most_common(1)[0][0]
    return _SCRIPTS.get(script, "another script")


def _is_english(tokens: Sequence[Token]) -> bool:
    """Whether a prompt has more small words of English than of others and, if it is long, words that are known."""
    words = [token.low for token in tokens]
    foreign = sum(word in FOREIGN for word in words)
    if foreign > sum(word in _SMALL - FOREIGN for word in words):
        return False
    if len(words) < _FEW:
        return True
    known = sum(_is_known(word) for word in words)
    return 2 * known >= len(words) and any(word in _SMALL or known_verb(word) or is_adjective(word) for word in words)


def _is_known(word: str) -> bool:
    return (
        word in _SMALL
        or known_verb(word) is not None
        or look_up(singular(word)) is not None
        or is_adjective(word)
        or guessed_verb(word) is not None
        or not word.isalpha()
    )


def _is_tags(text: str) -> bool:
    """Whether a prompt is a list of short phrases of which none says what something does or how it stands."""
    parts = [part.split() for part in re.split(r"[,;\n]+", text.lower()) if part.strip()]
    short = sum(len(part) <= _FEW for part in parts)
    return len(parts) >= _TAGS and 10 * short >= 7 * len(parts) and not any(map(_says_something, parts))


def _says_something(words: Sequence[str]) -> bool:
    if set(words) & (ARTICLES | AUXILIARIES | NUMBERS.keys()):
        return True
    verbs = [known_verb(word) for word in words[1:]]
    return any(verb is not None and verb.form == "s" and not _is_rather_a_noun(verb.lemma) for verb in verbs)


def _is_rather_a_noun(word: str) -> bool:
    """Whether a word is more often a noun than a verb ("cherry blossoms")."""
    entry = look_up(word)
    return entry is not None and entry.noun > entry.verb
