"""The phrases that a prompt is made of."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ttom_pl.planners.english.adjectives import COLORS, is_adjective
from ttom_pl.planners.english.marks import Mark
from ttom_pl.planners.english.nouns import singular
from ttom_pl.planners.english.tokens import Token


@dataclass(frozen=True)
class NounPhrase:
    """A noun phrase: ``prompt[start:end]``.

    Attributes:
        start: first character.
        end: character after the last.
        head: the noun.
        modifiers: the words before the noun, without determiner and number.
        determiner: article or possessive, in lower case; empty without.
        count: how many; ``None`` for a plural that does not say.
        plural: whether there are several.
        portion: the noun that measures it ("piece" of "a piece of bread"); empty without.
        of: the noun phrase behind "of", where that does not become the noun ("a view of *a harbour*").
    """

    start: int
    end: int
    head: Token
    modifiers: tuple[Token, ...] = ()
    determiner: str = ""
    count: int | None = 1
    plural: bool = False
    portion: str = ""
    of: "NounPhrase | None" = None

    @cached_property
    def lemma(self) -> str:
        """The singular of the noun, in lower case."""
        return singular(self.head.low)

    @property
    def has_article(self) -> bool:
        """Whether it brings something new and countable: "a dog", "three dogs"."""
        return self.determiner in {"a", "an", "another", "one"} or (self.count or 0) > 1

    @property
    def only_colors(self) -> bool:
        """Whether it names nothing but a colour ("a bright red", not "a red rose")."""
        colored = any(word.low in COLORS for word in self.modifiers) and not is_adjective(self.head.low)
        return self.head.low in COLORS and not colored and all(is_adjective(word.low) for word in self.modifiers)


@dataclass(frozen=True)
class Verb:
    """A verb, or an auxiliary (with an empty ``lemma``)."""

    token: Token
    lemma: str
    form: Literal["base", "s", "ing", "ed", "aux"]

    @property
    def is_finite(self) -> bool:
        """Whether it needs a subject of its own."""
        return self.form in ("s", "base", "aux")


WordKind = Literal[
    "preposition", "coordinator", "subordinator", "relative", "pronoun", "selector", "negation", "stop", "reciprocal"
]


@dataclass(frozen=True)
class Word:
    """A word that joins or stands for another: a preposition, a conjunction, a pronoun, a negation, a full stop.

    A ``selector`` picks from the objects before it ("two birds: *one* flies left and *the other* flies right").
    """

    token: Token
    kind: WordKind

    @property
    def low(self) -> str:
        """The word in lower case."""
        return self.token.low


Chunk = NounPhrase | Verb | Word | Mark
