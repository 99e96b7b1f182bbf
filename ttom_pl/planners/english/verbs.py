"""Verbs: what they say about motion, and how to know one when it is met."""

import re
from dataclasses import dataclass
from typing import Literal

from ttom_pl.planners.english.lexicon import look_up
from ttom_pl.planners.english.word_lists import word_list, word_sections

Form = Literal["base", "s", "ing", "ed"]

_WORDS = word_sections("verb_classes")
GO = _WORDS["go"]
"""Verbs of getting from one place to another, whatever the way."""
UP = _WORDS["up"]
DOWN = _WORDS["down"]
FALL = frozenset("fall drop plummet plunge tumble topple cascade crash-land free-fall collapse crumple".split())
THROW = frozenset("throw toss hurl fling lob pitch chuck sling cast shoot launch".split())
"""Verbs whose object flies."""
STRIKE = frozenset("kick hit strike punt smack knock push-off shove roll slide spike serve dribble".split())
"""Verbs whose object moves off."""
RAISE = frozenset("lift raise hoist elevate uplift".split())
LOWER = frozenset("drop lower spill pour".split())
TOGETHER = frozenset("push pull carry drag row steer pilot haul tow lead drive walk roll wheel herd guide move".split())
"""Verbs whose object moves with the subject."""
MOUNT = frozenset("ride straddle".split())
CHASE = frozenset("chase pursue follow tail trail hunt stalk shadow".split())
FLEE = frozenset("flee escape retreat withdraw".split())
HOLD = frozenset("hold carry clutch grip bring grasp cradle embrace hug wear wield".split())
"""Verbs whose object stays with the subject, wherever it goes."""
APPROACH = frozenset("approach reach meet".split())
CONVERGE = frozenset("collide converge clash".split())
DIVERGE = frozenset("separate diverge part".split())
CHANGE = _WORDS["change"]
"""Verbs after which "into …" names a state."""
FORM = _WORDS["form"]
"""Verbs after which "into …" names what something becomes, and which otherwise are verbs like others."""
PUT = _WORDS["put"]
"""Verbs whose object is where the preposition says."""
TOP = frozenset("top crown cap".split())
"""Verbs after which "with …" names what is on top."""
WEAR = frozenset("wear don sport dress".split())
CIRCLE = frozenset("circle orbit".split())
JUMP = frozenset("jump leap hop skip spring vault somersault".split())
BOUNCE = frozenset("bounce dribble".split())
SWAY = frozenset("sway swing rock wag oscillate".split())
APPEAR = frozenset("appear emerge arrive materialize enter".split())
VANISH = frozenset("disappear vanish exit leave depart".split())
TURN_IN_PLACE = frozenset(
    "turn look face point lean glance stare gaze tilt rotate spin wave nod bend stretch reach".split()
)
"""Verbs that a direction follows without the subject going there."""
_CLASSES = (
    GO,
    UP,
    DOWN,
    FALL,
    THROW,
    STRIKE,
    RAISE,
    LOWER,
    TOGETHER,
    MOUNT,
    HOLD,
    APPROACH,
    CHASE,
    FLEE,
    CONVERGE,
    DIVERGE,
    CHANGE,
)
_MORE = (WEAR, CIRCLE, JUMP, BOUNCE, SWAY, APPEAR, VANISH, TURN_IN_PLACE, word_list("verbs"))
VERBS = frozenset().union(*_CLASSES, FORM, *_MORE)
MOVES = frozenset().union(
    GO, UP, DOWN, FALL, THROW, STRIKE, RAISE, LOWER, TOGETHER, MOUNT, CHASE, FLEE, APPROACH
) | frozenset("come get continue head return blow pop back start begin end finish enter leave".split())
"""Verbs that take a direction."""
_IRREGULAR: dict[str, str] = {
    "fell": "fall", "fallen": "fall", "flew": "fly", "flown": "fly", "ran": "run", "swam": "swim", "swum": "swim",
    "rose": "rise", "risen": "rise", "sank": "sink", "sunk": "sink", "went": "go", "gone": "go", "came": "come",
    "stood": "stand", "sat": "sit", "lay": "lie", "lain": "lie", "lying": "lie", "dying": "die", "tying": "tie",
    "held": "hold", "hung": "hang", "stuck": "stick", "strung": "string", "struck": "strike", "thrown": "throw",
    "threw": "throw", "blown": "blow", "blew": "blow", "driven": "drive", "drove": "drive", "ridden": "ride",
    "rode": "ride", "shot": "shoot", "slid": "slide", "swept": "sweep", "swung": "swing", "taken": "take",
    "took": "take", "seen": "see", "made": "make", "built": "build", "caught": "catch", "brought": "bring",
    "worn": "wear", "torn": "tear", "drawn": "draw", "eaten": "eat", "ate": "eat", "given": "give", "grown": "grow",
    "grew": "grow", "hidden": "hide", "kept": "keep", "laid": "lay", "led": "lead", "left": "leave", "lit": "light",
    "put": "put", "set": "set", "hit": "hit", "split": "split", "spread": "spread", "sold": "sell", "sent": "send",
    "slept": "sleep", "spun": "spin", "sprang": "spring", "sprung": "spring", "stole": "steal", "stolen": "steal",
    "told": "tell", "wound": "wind", "woven": "weave", "written": "write", "wrote": "write", "broken": "break",
    "broke": "break", "began": "begin", "begun": "begin", "bitten": "bite", "frozen": "freeze", "fed": "feed",
    "fought": "fight", "found": "find", "crept": "creep", "dug": "dig", "leapt": "leap", "knelt": "kneel",
    "leaned": "lean", "shone": "shine", "sang": "sing", "shook": "shake", "shaken": "shake", "became": "become",
    "doing": "do", "fled": "flee", "sped": "speed", "strode": "stride", "wove": "weave", "dove": "dive",
    "slung": "sling", "strewn": "strew", "sewn": "sew", "shown": "show", "bound": "bind", "bent": "bend",
    "clung": "cling", "flung": "fling", "met": "meet", "lost": "lose", "sown": "sow", "stung": "sting",
    "thought": "think", "taught": "teach", "shrunk": "shrink", "drunk": "drink", "rung": "ring", "won": "win",
}  # fmt: skip
_DOUBLED = frozenset("control patrol propel compel begin babysit zigzag".split())
_ENDS_IN_L = re.compile(r"[^aeiou][aeiou]l$")
_SHORT = re.compile(r"^[^aeiou]*(?:qu)?[aeiou][^aeiouwxy]$")


@dataclass(frozen=True)
class VerbForm:
    """A verb as it is met: its base form, and which form this is."""

    lemma: str
    form: Form


def _inflect(verb: str) -> list[tuple[str, Form]]:
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return [(verb + "s", "s"), (verb[:-1] + "ing", "ing"), (verb + "d", "ed")]
    stem = verb + verb[-1] if verb in _DOUBLED or _SHORT.match(verb) else verb
    if verb.endswith("y") and verb[-2] not in "aeou":
        return [(verb[:-1] + "ies", "s"), (verb + "ing", "ing"), (verb[:-1] + "ied", "ed")]
    third = verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")
    past = stem + ("d" if stem.endswith("e") else "ed")
    return [(third, "s"), (stem + "ing", "ing"), (past, "ed")]


def _all_forms() -> dict[str, VerbForm]:
    forms = {verb: VerbForm(verb, "base") for verb in sorted(VERBS)}
    for verb in sorted(VERBS):
        for word, form in _inflect(verb):
            forms.setdefault(word, VerbForm(verb, form))
    for verb in (verb for verb in VERBS if _ENDS_IN_L.search(verb)):
        forms.setdefault(verb + "ling", VerbForm(verb, "ing"))  # British spelling
        forms.setdefault(verb + "led", VerbForm(verb, "ed"))
    for verb in ("see", "flee"):
        del forms[verb + "d"]
    for word, verb in _IRREGULAR.items():
        if word not in VERBS:
            forms[word] = VerbForm(verb, "ing" if word.endswith("ing") else "ed")
    return forms


_FORMS = _all_forms()


def known_verb(word: str) -> VerbForm | None:
    """Return the verb that a word is a form of, or ``None``."""
    return _FORMS.get(word)


def guessed_verb(word: str) -> VerbForm | None:
    """Return a verb by the word's ending alone, for words that no list holds."""
    if word.endswith("ing") and len(word) > 5:
        return VerbForm(_lemma(word[:-3]), "ing")
    if word.endswith("ed") and not word.endswith("eed") and len(word) > 4:
        return VerbForm(_lemma(word[:-2]), "ed")
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "'s")) and len(word) > 3:
        return VerbForm(word[:-1], "s")
    return None


def _lemma(stem: str) -> str:
    """Return the verb of which a stem is left without its ending: "feature" of "featur", "top" of "topp"."""
    short = stem[:-1] if stem[-1] == stem[-2] else stem
    for verb in (stem, f"{stem}e", short):
        entry = look_up(verb)
        if entry is not None and entry.verb:
            return verb
    return stem
