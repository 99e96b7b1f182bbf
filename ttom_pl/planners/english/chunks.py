"""The phrases of a prompt in order."""

from collections.abc import Sequence

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english.adjectives import is_adjective
from ttom_pl.planners.english.line import Line
from ttom_pl.planners.english.marks import Mark
from ttom_pl.planners.english.noun_phrases import noun_phrase
from ttom_pl.planners.english.syntax import Chunk, NounPhrase, Verb, Word, WordKind
from ttom_pl.planners.english.tokens import Token
from ttom_pl.planners.english.verbs import CHASE, GO, guessed_verb, known_verb

_KINDS: list[tuple[frozenset[str], WordKind]] = [
    (fw.NEGATIONS, "negation"),
    (fw.RECIPROCALS, "reciprocal"),
    (fw.PRONOUNS, "pronoun"),
    (fw.COORDINATORS | {","}, "coordinator"),
    (fw.RELATIVES, "relative"),
    (fw.SUBORDINATORS, "subordinator"),
    (fw.PREPOSITIONS, "preposition"),
    (frozenset(".;:!?"), "stop"),
]
_ACTS_AS = frozenset({"dress", "serve", "act", "disguise", "work"})


def chunk(tokens: Sequence[Token], marks: Sequence[Mark]) -> list[Chunk]:
    """Return the phrases of a prompt in order.

    Args:
        tokens: the words of the prompt.
        marks: its set phrases, which are taken out before the rest is read.
    """
    rest = (token for token in tokens if not any(mark.start <= token.start < mark.end for mark in marks))
    line = Line(sorted([*marks, *rest], key=lambda item: item.start))
    chunks: list[Chunk] = []
    at = 0
    while at < len(line):
        item = line.items[at]
        if isinstance(item, Mark):
            chunks.append(item)
            at += 1
        elif selected := _selector(line, at):
            chunks.append(Word(item, "selector"))
            at += selected
        else:
            adjoins = bool(chunks) and isinstance(last := chunks[-1], NounPhrase) and last.end == item.start - 1
            phrase, after = noun_phrase(line, at, _joined(chunks), adjoins)
            if adjoins and phrase is not None and _is_plurals_verb(line, at, chunks[-1], phrase):
                chunks.append(Verb(item, item.low, "base"))
                phrase = None
            elif phrase is not None:
                chunks.append(phrase)
            elif (word := _word(item, chunks)) is not None:
                chunks.append(word)
            at = at + 1 if phrase is None else after
    return chunks


def _word(token: Token, chunks: Sequence[Chunk]) -> Chunk | None:
    """Read a word that begins no noun phrase; ``None`` for one that says nothing here."""
    low = token.low
    last = chunks[-1] if chunks else None
    if low.endswith("n't"):
        return Word(token, "negation")
    if low in fw.AUXILIARIES:
        return Verb(token, "", "aux")
    if low == "as" and isinstance(last, Verb) and last.lemma in _ACTS_AS:
        return Word(token, "preposition")
    if low == "after" and isinstance(last, Verb) and last.lemma in CHASE | GO:
        return Word(token, "preposition")
    for words, kind in _KINDS:
        if low in words:
            return Word(token, kind)
    if is_adjective(low):
        verb = known_verb(low) if isinstance(last, NounPhrase) and last.plural else None
    else:
        verb = None if fw.is_adverb(low) else known_verb(low) or guessed_verb(low)
    return None if verb is None else Verb(token, verb.lemma, verb.form)


def _is_plurals_verb(line: Line, at: int, before: Chunk, phrase: NounPhrase) -> bool:
    """Whether an unknown word right behind a plural must be its verb ("two wugs *glimb*", "two wugs *glimb* arms")."""
    first = (*phrase.modifiers, phrase.head)[0].low
    if first != line.low(at) or phrase.determiner or phrase.plural != bool(phrase.modifiers):
        return False
    return isinstance(before, NounPhrase) and before.plural and not is_adjective(first)


def _selector(line: Line, at: int) -> int:
    """Return how many words "one", "another" or "the other" take where they stand alone before a verb, else 0."""
    words = 2 if line.low(at) == "the" and line.low(at + 1) == "other" else 1
    if words == 1 and line.low(at) not in {"one", "another"}:
        return 0
    verb, mark = known_verb(line.low(at + words)), line.mark(at + words)
    if mark is not None:
        return words if mark.kind in ("step", "at", "goto", "route") else 0
    if at == 0 or line.begins(at) or line.low(at - 1) in fw.PREPOSITIONS:
        acts = verb is not None and verb.form == "s"
    else:
        acts = verb is not None and verb.form in ("s", "ing")
    return words if acts or line.low(at + words) in fw.AUXILIARIES else 0


def _joined(chunks: Sequence[Chunk]) -> bool:
    """Whether the last words are "NP and", and no verb stands before them in their clause."""
    if len(chunks) < 2 or not isinstance(last := chunks[-1], Word) or last.low != "and":
        return False
    for earlier in reversed(chunks[:-1]):
        if isinstance(earlier, Word) and earlier.kind in ("stop", "subordinator"):
            break
        if isinstance(earlier, Verb):
            return False
    return isinstance(chunks[-2], NounPhrase)
