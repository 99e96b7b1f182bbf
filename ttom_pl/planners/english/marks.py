"""Set phrases of space and time: "from the left to the right", "in the upper corner", "in the second half"."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ttom_pl.planners.english.function_words import is_adverb
from ttom_pl.planners.english.verbs import guessed_verb, known_verb

Sign = tuple[int, int]
"""A direction or a part of the frame: -1, 0 or 1 along x (to the right) and along y (downwards)."""
MarkKind = Literal[
    "step", "particle", "goto", "route", "at", "from", "swing", "circle", "growth", "away", "half", "midway", "then",
    "side of", "relation", "beside it", "pass from", "pass to", "skip",
]  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """A set phrase: ``prompt[start:end]``, what it says, and about which directions or parts of the frame."""

    kind: MarkKind
    start: int
    end: int
    signs: tuple[Sign, ...] = ()
    text: str = ""


_FRAME = r"(?:screen|frame|scene|video|image|picture|view|shot|canvas|display|clip|footage|composition)\b"
_OF_FRAME = rf"(?:,? (?:of|in|on) (?:the |its )?(?:entire |whole )?{_FRAME})?"
_PART = r"(?:[- ](?:hand[- ])?(?:side|corner|edge|part|half|end|quadrant|portion|region|area|third)\b)"
_CORNER = r"(?:upper|top|lower|bottom)[- ]?(?:left|right)|(?:left|right)[- ](?:upper|top|lower|bottom)"
_NAME = rf"(?:far |very |extreme )?(?P<{{0}}>{_CORNER}|left|right|top|bottom|upper|lower|cent(?:er|re)|middle|above|below)\b"
_NEXT = (
    r"(?=\s*$|\s*[,.;:!?()—-]|\s+(?:of|in|on|at|across|and|as|while|through|then|with|over|under|along|to|towards?|by|past"
    r"|before|after|when|but|from|into|around|above|below|beneath|behind|near|next|inside|beside|against|during|until"
    r"|without|within|onto|out|off|up|down|is|are|a|an|the|that|which|again|slightly|where|for|via|amid|among|between"
    r"|together|first|forever|alone|toward|beyond|it|they|he|she|only|so|like|upon|because|underneath|alongside)\b|\s+\w+(?:ly|ing)\b)"
)


def _place(name: str) -> str:
    return rf"(?:the |its |their )?{_NAME.format(name)}(?:{_PART}{_OF_FRAME}|{_OF_FRAME}{_NEXT})"


def _sign(text: str) -> Sign:
    x = -1 if "left" in text else int("right" in text)
    y = -1 if re.search("upper|top|up|above", text) else int(bool(re.search("lower|bottom|down|below", text)))
    return (x, y)


Build = Callable[[re.Match[str]], tuple[MarkKind, tuple[Sign, ...], str] | None]


def _named(kind: MarkKind, *groups: str, text: str = "") -> Build:
    def build(match: re.Match[str]) -> tuple[MarkKind, tuple[Sign, ...], str] | None:
        found = [match[group] for group in groups if match[group]]
        return kind, tuple(_sign(name.lower()) for name in found), text

    return build


def _fixed(kind: MarkKind, *signs: Sign, text: str = "") -> Build:
    return lambda match: (kind, signs, text)


def _toward(match: re.Match[str]) -> tuple[MarkKind, tuple[Sign, ...], str] | None:
    sign = _sign(match["a"].lower())
    centre_or_corner = sign == (0, 0) or 0 not in sign
    return ("goto" if centre_or_corner else "step"), (sign,), ""


def _bare_side(match: re.Match[str]) -> tuple[MarkKind, tuple[Sign, ...], str] | None:
    before = re.findall(r"[\w'-]+|[^\w\s]", match.string[: match.start()].lower())
    last = before[-1] if before else ""
    follows = bool(known_verb(last)) or is_adverb(last) or last in {"and", "then", ",", "or", "to", "first", "back"}
    guessed = guessed_verb(last)
    if not (follows or (guessed is not None and guessed.form != "ed")):
        return None
    return "step", (_sign(match["a"].lower()),), ""


def _half(match: re.Match[str]) -> tuple[MarkKind, tuple[Sign, ...], str] | None:
    first = match["a"].lower() in {"first", "initial", "former", "beginning", "start", "opening", "early"}
    return "half", (), "first" if first else "second"


_OBJECT_AHEAD = rf"(?! (?:the |its )?{_FRAME})"
_ITS_SIDE = r"(?: (?:side|hand side|end|edge))?"
_CAMERA = r"(?:the )?(?:camera|viewers?|lens|screen|us|foreground|audience's view)\b"
_WRAPPER = (
    r"(?:(?:an?|the|some|this is an?|here is an?) )?(?:[\w'-]+,? ){0,5}?"
    r"(?:video|scene|shot|clip|footage|time-?lapse|animation|photo|photograph|image|picture|close-?up|view|film|sequence"
    r"|rendering|render|depiction|gif|movie|slow-motion|cartoon)"
    r"(?: (?:video|shot|footage|clip|view|sequence))?"
    r",?(?: of| with| in which| where| showing| featuring| depicting| that shows| which shows| capturing|:)\s+"
)
_RULES: list[tuple[str, Build]] = [
    (r"^(?:" + _WRAPPER + r"){1,2}", _fixed("skip")),
    (r"(?:^|(?<=[.;,] ))(?:there (?:is|are)|we (?:can )?see|you (?:can )?see|in (?:the|this) (?:scene|video),)\s+", _fixed("skip")),
    (
        rf"from (?:the )?(?P<a>left|right|top|bottom){_ITS_SIDE} of{_OBJECT_AHEAD} "
        r"(?=[^,.;]{2,60}? to (?:its|their|the|his|her) (?:other|opposite|left|right|top|bottom)\b)",
        _named("pass from", "a"),
    ),
    (r"from (?:the )?(?P<a>above|below)(?= (?:an?|the|its?|their|two)\b[^,.;]{2,60}? to (?:above|below|under)\b)", _named("pass from", "a")),
    (r"from one side(?: of [^,.;]{2,30}?)? to the other(?: side)?|from side to (?:the )?other side", _fixed("route", (-1, 0), (1, 0))),
    (r"(?:back[- ]and[- ]forth|(?:from )?side[- ]to[- ]side|(?:from )?left and right|to and fro)", _fixed("swing", (1, 0))),
    (r"up and down|upwards? and downwards?", _fixed("swing", (0, 1))),
    (r"from ([\w-]+(?: [\w-]+)?) to (?:another |the next )?\1(?:s)?\b", _fixed("skip")),
    (
        rf"(?:from )?{_place('a')}(?:,? (?:straight|directly|all the way|diagonally|right|over|smoothly))*,? "
        rf"(?:to|towards?|into|over to) {_place('b')}(?:,?(?: and)?(?: then)? (?:to|towards?) {_place('c')})?",
        _named("route", "a", "b", "c"),
    ),
    (
        rf"to (?:its|their|his|her|the) (?P<a>left|right|top|bottom|other|opposite){_ITS_SIDE}"
        r"(?: of (?:it|them|him|her)\b)?" + _NEXT,
        lambda m: ("pass to", (_sign(m["a"].lower()),), "") if _passes_before(m) else None,
    ),
    (r"to (?P<a>above|below)(?: (?:it|them))?" + _NEXT, lambda m: ("pass to", (_sign(m["a"].lower()),), "") if _passes_before(m) else None),
    (r"\b(?P<a>left|right|top|bottom)-to-(?P<b>left|right|top|bottom)\b", _named("route", "a", "b")),
    (r"from top to bottom", _fixed("route", (0, -1), (0, 1))),
    (
        rf"(?:(?P<p>on|at|to|towards?|along|by|from) )?(?:the |its )?(?:immediate |far |direct )?(?P<a>left|right)(?:[- ]hand)?"
        rf"(?: (?:side|edge|end))? of{_OBJECT_AHEAD}(?= )",
        lambda m: ("side of", (_sign(m["a"].lower()),), (m["p"] or "on").lower()),
    ),
    (r"(?:on|to|at|by) (?:its|their|his|her) (?P<a>left|right)(?: side)?" + _NEXT, lambda m: ("beside it", (), m["a"].lower())),
    (r"(?:at |on |to )?(?:the )?(?:very )?top of" + _OBJECT_AHEAD + r"(?= )", _fixed("relation", text="top")),
    (r"(?:at|near) the (?:foot|base|bottom) of" + _OBJECT_AHEAD + r"(?= )", _fixed("relation", text="below")),
    (r"in front of(?= )" , _fixed("relation", text="front")),
    (r"(?:right |directly |just )?(?:next to|adjacent to|close to|by the side of|at the side of|side by side with|on (?:either|each|both|the other|one) sides? of)(?= )", _fixed("relation", text="beside")),
    (r"(?:in )?between(?= )", _fixed("relation", text="between")),
    (r"in the (?:middle|cent(?:er|re)|midst|heart) of" + _OBJECT_AHEAD + r"(?= )", _fixed("relation", text="in")),
    (rf"(?:(?:straight|directly|closer|up|right|headlong) )*(?:towards?|to|at) {_CAMERA}", _fixed("growth", text="towards")),
    (r"(?:away|further|farther) from (?:the )?(?:camera|viewers?|lens|us)\b", _fixed("growth", text="away")),
    (r"(?:off |away |far |out )*(?:into|to|towards?) the (?:distance|horizon|background)\b", _fixed("growth", text="away")),
    (r"(?:further|farther) (?:and (?:further|farther) )?away(?! from)\b", _fixed("growth", text="away")),
    (
        r"(?:only |just |solely |exclusively )?(?:in|during|for|throughout|within) (?:the )?"
        rf"(?P<a>first|second|last|latter|initial|final|former|opening|other) half(?: of (?:the |this )?{_FRAME})?",
        _half,
    ),
    (rf"only (?:at|in|near|towards|by) the (?P<a>beginning|start|end|ending)(?: of (?:the |this )?{_FRAME})?", _half),
    (rf"(?:halfway|midway)(?: (?:through|into)(?: (?:the |this )?{_FRAME})?)?|in the middle of the (?:video|clip|footage)", _fixed("midway")),
    (r"(?:and |, )?(?:then|afterwards?|after that|subsequently|finally|followed by)(?=\b)", _fixed("then")),
    (r"(?P<a>up|down)(?:wards?)?(?:,? and|-| then)?(?: to(?:wards?)? the)? ?(?P<b>left|right)(?:wards?)?" + _NEXT, lambda m: ("step", (_join(m),), "")),
    (r"(?:to the )?(?P<b>left|right)(?:wards?)?(?:,? and) (?P<a>up|down)(?:wards?)?" + _NEXT, lambda m: ("step", (_join(m),), "")),
    (rf"(?:over |back |out |off |straight |directly |up |down |all the way )*(?:to|towards?|into) {_place('a')}", _toward),
    (r"(?:to|towards?|into) the (?:floor|ground|earth)(?= *$|\W)", _fixed("from", (0, -1))),
    (r"(?:up |high |off )*(?:into|toward|towards|to|up in) the (?:air|sky|heavens|clouds|stars)\b", _fixed("particle", (0, -1))),
    (rf"from {_place('a')}|from (?P<b>above|below|beneath|overhead|underneath)\b" , lambda m: ("from", (_sign(("above" if (m["b"] or "") == "overhead" else "below" if (m["b"] or "") in ("beneath", "underneath") else m["a"] or m["b"]).lower()),), "")),
    (r"from the (?:sky|heavens|clouds)\b", _fixed("from", (0, -1))),
    (rf"(?:on|at|in|near|along|over|around|to) {_place('a')}", _named("at", "a")),
    (r"\b(?P<a>left|right|up|down)-?wards?\b", _named("step", "a")),
    (r"\b(?:sky|heaven)wards?\b", _fixed("step", (0, -1))),
    (r"\b(?P<a>left|right)\b(?! (?:next|beside|behind|in front|in the mid|in the cent|above|below|before|after|near|there|now|away|up|down))" + _NEXT, _bare_side),
    (r"\b(?P<a>up|down)\b", _named("particle", "a")),
    (r"in (?:a |wide |big |small |tight |large )*(?:circles?|loops?|circular motion)|around and around|round and round|in (?:an )?orbit|(?:counter-?|anti-?)?clockwise", _fixed("circle")),
    (r"\baway\b(?! from)", _fixed("away")),
    (r"\b(?:closer|nearer)\b(?! to)", _fixed("growth", text="towards")),
]  # fmt: skip
_COMPILED = [
    (re.compile(pattern if pattern.startswith("^") else r"(?<![\w-])" + f"(?:{pattern})", re.IGNORECASE), build)
    for pattern, build in _RULES
]


def _join(match: re.Match[str]) -> Sign:
    return _sign(f"{match['a']} {match['b']}".lower())


def _passes_before(match: re.Match[str]) -> bool:
    """Whether "to its right" ends a "from the left of …" of the same clause."""
    return bool(
        re.search(r"from (?:(?:the )?(?:left|right|top|bottom)(?: \w+)? of|above|below) [^,.;]*$", match.string[: match.start()], re.IGNORECASE)
    )


def find_marks(prompt: str) -> list[Mark]:
    """Return the set phrases of a prompt in order; where two overlap, the more particular one."""
    found: list[Mark] = []
    for pattern, build in _COMPILED:
        for match in pattern.finditer(prompt):
            if match.end() == match.start() or any(match.start() < m.end and m.start < match.end() for m in found):
                continue
            built = build(match)
            if built is not None:
                kind, signs, text = built
                found.append(Mark(kind, match.start(), match.end(), signs, text))
    return sorted(found, key=lambda mark: mark.start)
