"""Where a text mentions objects that another text has named, be it in other words."""

from collections.abc import Iterator, Sequence

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english.chunks import chunk
from ttom_pl.planners.english.mark_rules import find_marks
from ttom_pl.planners.english.nouns import is_plural
from ttom_pl.planners.english.objects import is_scenery
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.things import can_mean
from ttom_pl.planners.english.tokens import Token, tokenize
from ttom_pl.planners.steering.closeness import DESCRIBED, KIND, SAME, closeness

_OTHERS = frozenset({"other", "others", "second", "another", "different"})


def noun_phrases(text: str) -> list[NounPhrase]:
    """Return the noun phrases of a text in order, also those behind an "of" and owners ("the cat's")."""
    nouns: dict[int, NounPhrase] = {}
    for piece in chunk(tokenize(text), find_marks(text)):
        if isinstance(piece, NounPhrase):
            for noun in _with_inner(piece):
                nouns.setdefault(noun.head.start, noun)
    return [nouns[start] for start in sorted(nouns)]


def find_mentions(wanted: Sequence[NounPhrase], text: str) -> list[list[NounPhrase]]:
    """Return for each of some objects the noun phrases of a text that name it; none where the text has lost it.

    An object is looked for by its own noun, else by another word for the same thing, by a kind of it (a retriever for
    a dog), by what it is a kind of (a vehicle for a car). What names it again ("the vehicle") counts too, unless it
    could mean another of the objects just as well.

    Args:
        wanted: the objects, as the other text names them.
        text: the text.
    """
    nouns = noun_phrases(text)
    nouns = sorted([*nouns, *_unread(text, nouns)], key=lambda noun: noun.head.start)
    scores = [[closeness(noun, phrase) for noun in nouns] for phrase in wanted]
    anchors = [_anchors(row, [other for other in scores if other is not row], nouns) for row in scores]
    named = []
    for i, close in enumerate(anchors):
        strangers = [nouns[k] for j, other in enumerate(anchors) if j != i for k in other]
        again = {
            k
            for k, noun in enumerate(nouns)
            if _names_again(noun, [nouns[a] for a in close])
            and not any(can_mean(noun, stranger) for stranger in strangers)
            and not any(k in other for other in anchors)
        }
        named.append([nouns[k] for k in sorted({*close, *again})])
    return named


def _anchors(row: Sequence[float], others: Sequence[Sequence[float]], nouns: Sequence[NounPhrase]) -> list[int]:
    """Return the places of the noun phrases that name an object most clearly, and no other object more clearly.

    Of words that only come close to it the first one counts, as the next may name another thing of the kind; also where
    it introduces what the others take as known ("two retrievers … the dogs").
    """
    best = max(row, default=0.0)
    if best <= 0:
        return []
    clear = [k for k, score in enumerate(row) if score >= min(best, SAME)]
    free = [k for k in clear if all(other[k] < row[k] for other in others)] or clear
    if SAME > best > DESCRIBED:
        return free[:1]
    if all(nouns[k].determiner in fw.DEFINITE for k in free):
        close = [k for k in range(free[0]) if row[k] >= KIND and all(other[k] < row[k] for other in others)]
        return [*close[:1], *free]
    return free


def _names_again(noun: NounPhrase, anchors: Sequence[NounPhrase]) -> bool:
    if noun.determiner not in fw.DEFINITE or _is_other(noun) or is_scenery(noun):
        return False
    return any(noun.plural == anchor.plural and can_mean(noun, anchor) for anchor in anchors)


def _is_other(noun: NounPhrase) -> bool:
    return bool({noun.determiner, *(word.low for word in noun.modifiers)} & _OTHERS)


def _unread(text: str, nouns: Sequence[NounPhrase]) -> Iterator[NounPhrase]:
    """Yield the words that stand in no noun phrase, as such: the grammar may have taken a noun for a verb."""
    read = {word.start for noun in nouns for word in (*noun.modifiers, noun.head)}
    for token in tokenize(text):
        if token.is_word and token.start not in read:
            plural = is_plural(token.low)
            yield NounPhrase(token.start, token.end, token, (), "", None if plural else 1, plural)


def _with_inner(noun: NounPhrase) -> Iterator[NounPhrase]:
    yield noun
    if noun.of is not None:
        yield from _with_inner(noun.of)
    for at, word in enumerate(noun.modifiers):
        if word.low.endswith("'s") and len(word.text) > 2:
            head = Token(word.text[:-2], word.start, word.end - 2)
            yield NounPhrase(noun.start, head.end, head, noun.modifiers[:at], noun.determiner)
