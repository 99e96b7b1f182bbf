"""Clauses of a prompt: who does what, where and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ttom_pl.planners.english.marks import Mark
from ttom_pl.planners.english.nouns import is_place
from ttom_pl.planners.english.objects import is_clothing
from ttom_pl.planners.english.syntax import Chunk, NounPhrase, Verb, Word
from ttom_pl.planners.english.verbs import DOWN, FALL, GO, UP


@dataclass(frozen=True)
class Complement:
    """A noun phrase that a verb or preposition takes.

    Attributes:
        link: the preposition in lower case, a set phrase that takes a noun, or empty for a direct object.
        noun: the noun phrase; ``None`` for a pronoun, or where the preposition stands alone ("a bee flies above").
        pronoun: the pronoun; empty without.
    """

    link: str | Mark
    noun: NounPhrase | None
    pronoun: str = ""

    @property
    def preposition(self) -> str:
        """The preposition, or what the set phrase stands for."""
        return self.link.text if isinstance(self.link, Mark) else self.link


@dataclass(frozen=True)
class Negation:
    """A "not"."""


Item = Verb | Mark | Complement | Negation


@dataclass
class Clause:
    """A clause.

    Attributes:
        subjects: who; empty for the subjects of the clause before.
        items: verbs, complements and set phrases in order.
        selector: "one", "another" or "the" (other) where it is about some of the objects named before.
        reduced: whether it hangs on a noun of another clause ("a dog chases *a balloon drifting in the wind*").
    """

    subjects: list[NounPhrase] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    reduced: bool = False
    selector: str = ""

    @property
    def has_verb(self) -> bool:
        """Whether a verb has been read."""
        return any(isinstance(item, Verb) for item in self.items)

    @property
    def has_finite_verb(self) -> bool:
        """Whether a verb has been read that is no participle."""
        return any(isinstance(item, Verb) and item.is_finite for item in self.items)


class _Reader:
    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self.clauses = [Clause()]
        self.pending: str | Mark | None = None

    @property
    def clause(self) -> Clause:
        return self.clauses[-1]

    def open(self, subjects: Sequence[NounPhrase] = (), reduced: bool = False) -> None:
        """Begin a clause."""
        self.pending = None
        if self.clause.subjects or self.clause.has_verb or self.clause.selector or (self.clause.items and reduced):
            self.clauses.append(Clause())
        self.clause.subjects.extend(subjects)
        self.clause.reduced = reduced

    def peek(self, at: int) -> Chunk | None:
        return self.chunks[at] if 0 <= at < len(self.chunks) else None

    def read(self) -> list[Clause]:
        for at, chunk in enumerate(self.chunks):
            match chunk:
                case NounPhrase():
                    self.noun(chunk)
                case Verb():
                    self.verb(at, chunk)
                case Mark():
                    self.mark(at, chunk)
                case Word():
                    self.word(at, chunk)
        return [clause for clause in self.clauses if clause.subjects or clause.items]

    def noun(self, noun: NounPhrase) -> None:
        if self.pending is not None:
            self.clause.items.append(Complement(self.pending, noun))
            self.pending = None
        elif self._goes_along():
            self.clause.items.append(Complement("along", noun))
        elif self.clause.items and self.clause.has_verb:
            self.clause.items.append(Complement("", noun))
        elif self.clause.items and self.clause.subjects:
            self.open([noun])
        else:
            self.clause.subjects.append(noun)

    def _goes_along(self) -> bool:
        """Whether "up" or "down" stands before the noun, behind a verb of motion ("slides down a pole")."""
        last = self.clause.items[-1] if self.clause.items else None
        lemmas = [item.lemma for item in self.clause.items if isinstance(item, Verb)]
        return (
            isinstance(last, Mark) and last.kind == "particle" and bool(lemmas) and lemmas[-1] in GO | UP | DOWN | FALL
        )

    def verb(self, at: int, verb: Verb) -> None:
        self.pending = None
        before = self.peek(at - 1)
        last = self.clause.items[-1] if self.clause.items else None
        if isinstance(before, NounPhrase) and isinstance(last, Complement) and last.noun is before:
            scene = bool(self.clause.subjects) and all(is_place(noun.lemma) for noun in self.clause.subjects)
            taken = self.clause.has_finite_verb if verb.is_finite else self.clause.has_verb
            if self.clause.reduced and verb.is_finite and taken:
                self.open()
            elif (taken and not is_place(before.lemma) and not is_clothing(before)) or (
                last.link == "with" and (scene or not self.clause.subjects)
            ):
                if last.link == "with":
                    self.clause.items.pop()
                self.open([before], reduced=True)
        self.clause.items.append(verb)

    def mark(self, at: int, mark: Mark) -> None:
        if mark.kind == "skip":
            return
        if mark.kind in ("relation", "side of", "pass from"):
            self.pending = mark
        else:
            self.clause.items.append(mark)

    def word(self, at: int, word: Word) -> None:
        following = self.peek(at + 1)
        match word.kind:
            case "preposition" if isinstance(following, NounPhrase) or _is(following, "pronoun", "reciprocal"):
                self.pending = word.low
            case "preposition":
                self.clause.items.append(Complement(word.low, None))
            case "pronoun" | "reciprocal":
                self.pronoun(word)
            case "selector":
                self.open()
                self.clause.selector = word.low
            case "negation":
                self.clause.items.append(Negation())
            case "coordinator":
                self.coordinate(at, word)
            case "stop":
                self.open()
            case "subordinator":
                self.open()
                if word.low == "before":
                    self.clause.items.append(Mark("then", word.token.start, word.token.end))
            case "relative":
                self.open(self._antecedent(at), reduced=True)

    def _antecedent(self, at: int) -> list[NounPhrase]:
        """Return what "who" or "which" is about; not what it wears ("a woman in a yellow dress who waves")."""
        at -= isinstance(comma := self.peek(at - 1), Word) and comma.low == ","
        before = self.peek(at - 1)
        if isinstance(before, NounPhrase) and is_clothing(before):
            wearer = self.peek(at - 3)
            before = wearer if isinstance(wearer, NounPhrase) else before
        return [before] if isinstance(before, NounPhrase) else []

    def pronoun(self, word: Word) -> None:
        if self.pending is not None or word.kind == "reciprocal":
            self.clause.items.append(Complement(self.pending or "", None, word.low))
            self.pending = None
        elif self.clause.has_verb:
            self.clause.items.append(Complement("", None, word.low))

    def coordinate(self, at: int, word: Word) -> None:
        """Read "and", "but" or a comma: it joins nouns, verbs or clauses."""
        after = at + 1
        while _is(self.peek(after), "coordinator") or _is_then(self.peek(after)):
            after += 1
        following = self.peek(after)
        if isinstance(following, NounPhrase):
            if not self.clause.items or not (self.clause.subjects or self.clause.has_verb):
                return
            if self._goes_on_describing(after):
                self.pending = "with"
                return
            if self._starts_clause(after, word.low):
                self.open()
                return
            last = self.clause.items[-1]
            if isinstance(last, Complement) and last.noun is not None:
                self.pending = last.link
                before = self.clause.items[-2] if len(self.clause.items) > 1 else None
                behind = self.peek(after + 1)
                if isinstance(before, Complement) and isinstance(behind, Word) and behind.low == last.link:
                    self.pending = before.link  # "a cup in one hand and a fork in the other"
            else:
                self.open()
        elif isinstance(following, Verb) and self.clause.reduced and (following.is_finite or word.low == ","):
            self.open()

    def _goes_on_describing(self, at: int) -> bool:
        """Whether "and" joins what someone has, not who acts ("a cat with a bell and glossy fur walks")."""
        last = self.clause.items[-1]
        if self.clause.has_verb or not (isinstance(last, Complement) and last.link == "with"):
            return False
        noun, behind = self.peek(at), self.peek(at + 1)
        singular_verb = isinstance(behind, Verb) and behind.form == "s"
        return singular_verb or (isinstance(noun, NounPhrase) and not noun.determiner and noun.count in (None, 1))

    def _starts_clause(self, at: int, joiner: str) -> bool:
        """Whether the noun phrase at ``at`` is the subject of a new clause."""
        behind = self.peek(at + 1)
        if isinstance(behind, Verb):
            return True
        if isinstance(behind, Mark) and behind.kind not in ("skip", "then"):
            return True
        if _is(behind, "preposition"):
            if not self.clause.has_verb:
                return True
            return isinstance(self.peek(at + 2), NounPhrase) and isinstance(self.peek(at + 3), Verb)
        return not self.clause.has_verb and joiner == "," and behind is None


def _is(chunk: Chunk | None, *kinds: str) -> bool:
    return isinstance(chunk, Word) and chunk.kind in kinds


def _is_then(chunk: Chunk | None) -> bool:
    return isinstance(chunk, Mark) and chunk.kind == "then"


def read_clauses(chunks: Sequence[Chunk]) -> list[Clause]:
    """Return the clauses of a prompt in order."""
    return _Reader(chunks).read()
