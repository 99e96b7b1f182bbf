"""A prompt as one line of words and set phrases, with the questions that reading it asks again and again."""

from collections.abc import Sequence
from dataclasses import dataclass

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english.adjectives import is_adjective
from ttom_pl.planners.english.marks import Mark
from ttom_pl.planners.english.nouns import ING_NOUNS, IRREGULAR_PLURALS, PLACES
from ttom_pl.planners.english.tokens import Token
from ttom_pl.planners.english.verbs import guessed_verb, known_verb

_NEVER_IN_NOUNS = (
    fw.PREPOSITIONS | fw.COORDINATORS | fw.SUBORDINATORS | fw.RELATIVES | fw.PRONOUNS | fw.AUXILIARIES | fw.DETERMINERS
    | fw.NEGATIONS | fw.RECIPROCALS
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """Words and set phrases in order."""

    items: Sequence[Token | Mark]

    def __len__(self) -> int:
        return len(self.items)

    def low(self, at: int) -> str:
        """The word at a place in lower case; empty where there is none."""
        item = self.items[at] if 0 <= at < len(self.items) else None
        return item.low if isinstance(item, Token) else ""

    def mark(self, at: int) -> Mark | None:
        """The set phrase at a place, if there is one."""
        item = self.items[at] if 0 <= at < len(self.items) else None
        return item if isinstance(item, Mark) else None

    def begins(self, at: int) -> bool:
        """Whether a sentence begins here."""
        mark = self.mark(at - 1)
        return at == 0 or (mark is not None and mark.kind == "skip") or self.low(at - 1) in {".", ";", ":"}

    def closes(self, at: int) -> bool:
        """Whether what is here can be no part of a noun phrase that has begun."""
        low = self.low(at)
        if low == "can":
            verb = known_verb(self.low(at + 1))
            return self.low(at + 1) in {"be", "not"} or (verb is not None and verb.form == "base")
        return not low or not low[0].isalnum() or low in _NEVER_IN_NOUNS

    def word_follows(self, at: int) -> bool:
        """Whether the next word can go on with a noun phrase."""
        low = self.low(at + 1)
        if self.closes(at + 1) or (fw.is_adverb(low) and not is_adjective(low)):
            return False
        verb = None if low in IRREGULAR_PLURALS or low in PLACES else known_verb(low)
        finite = verb is not None and verb.form in ("s", "base") and not is_adjective(low)
        return not (finite and self.closes(at + 2))

    def is_finite(self, at: int) -> bool:
        """Whether the word here can be the verb of a sentence."""
        low = self.low(at)
        verb = known_verb(low)
        return (verb is not None and verb.form in ("s", "base") and not is_adjective(low)) or low in fw.AUXILIARIES


def is_participle(low: str) -> bool:
    """Whether a word is a participle that can describe a noun ("a flying bird", "a broken cup")."""
    if not low.endswith(("ing", "ed", "en", "wn", "rn", "ung", "unk")) or low in ING_NOUNS:
        return False
    verb = known_verb(low) or (guessed_verb(low) if low.endswith(("ing", "ed")) else None)
    return verb is not None and verb.form in ("ing", "ed")
