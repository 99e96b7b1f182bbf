"""The patterns by which set phrases are found; where two overlap, the earlier rule wins."""

import re

from ttom_pl.planners.english.mark_builders import (
    Build,
    bare_side,
    before_verb,
    beside_it,
    diagonal,
    edge,
    fixed,
    half,
    named,
    pass_to,
    side_of,
    towards,
)
from ttom_pl.planners.english.marks import Mark

_FRAME = r"(?:screen|frame|scene|video|image|picture|view|shot|canvas|display|clip|footage|composition)\b"
_OF_FRAME = rf"(?:,? (?:of|in|on) (?:the |its )?(?:entire |whole )?{_FRAME})?"
_OF_THING = rf" of(?! (?:the |its )?{_FRAME})(?= )"
_ROOM = r"\w*room|kitchen|hall|garden|yard|garage|office|attic|cellar|studio|house|stage"
_OF_ROOM = rf"(?: of (?:the |an? )?(?:[\w'-]+ ){{0,2}}?(?:{_ROOM}))?"
_PART = r"(?:[- ](?:hand[- ])?(?:side|corner|edge|part|half|end|quadrant|portion|region|area|third)\b)"
_CORNER = r"(?:upper|top|lower|bottom)[- ]?(?:left|right)|(?:left|right)[- ](?:upper|top|lower|bottom)"
_SIDE = r"left|right|top|bottom|upper|lower|cent(?:er|re)|middle|above|below"
_END = (
    r"(?=\s*$|\s*[,.;:!?()—-]|\s+\w+(?:ly|ing)\b|\s+(?:of|in|on|at|across|and|as|while|through|then|with|over|under|along"
    r"|to|towards?|by|past|before|after|when|but|from|into|around|above|below|beneath|behind|near|next|inside|beside"
    r"|against|during|until|without|within|onto|out|off|up|down|is|are|the|that|which|again|slightly|where|for|via|amid"
    r"|among|between|together|first|forever|alone|beyond|it|they|he|she|only|so|like|upon|because|underneath{0})\b)"
)
_NEXT = _END.format("|alongside|a|an")
_NO_NOUN_NEXT = _END.format("")
_CAMERA = r"(?:the )?(?:camera|viewers?|lens|screen|us|foreground)\b"
_LEVEL_WAYS = (
    "lane|street|road|hallway|corridor|aisle|avenue|alley|sidewalk|runway|highway|river|stream|track|path|beach|catwalk"
)
_WRAPPER = (
    r"(?:(?:an?|the|some|this is an?|here is an?) )?(?:[\w'-]+,? ){0,5}?"
    r"(?:video|scene|shot|clip|footage|time-?lapse|animation|photo|photograph|image|picture|close-?up|view|film|sequence"
    r"|rendering|render|depiction|gif|movie|slow-motion|cartoon)(?: (?:video|shot|footage|clip|view|sequence))?"
    r",?(?: of| with| in which| where| showing| featuring| depicting| that shows| which shows| capturing|:)\s+"
)
_NOT_A_DIRECTION = (
    "next|beside|behind|in front|in the mid|in the cent|above|below|before|after|near|there|now|away|up|down"
)


def _place(name: str) -> str:
    """Return the pattern of a part of the frame: "the left", "the upper right corner of the screen"."""
    named = rf"(?:far |very |extreme )?(?P<{name}>{_CORNER}|{_SIDE})\b"
    return rf"(?:the |its |their )?{named}(?:{_PART}{_OF_FRAME}|{_OF_FRAME}{_NEXT})"


_RULES: list[tuple[str, Build]] = [
    # Openings that only say that there is a video.
    (rf"^(?:{_WRAPPER}){{1,2}}", fixed("skip")),
    (
        r"(?:^|(?<=[.;,] ))(?:there(?: is| are|['’]s)|(?:we|you) (?:can )?see|in (?:the|this) (?:scene|video),)\s+",
        fixed("skip"),
    ),
    # Past something, from one side to the other.
    (
        rf"from (?:the )?(?P<a>left|right|top|bottom)(?: (?:side|hand side|end|edge))?{_OF_THING} "
        r"(?=[^,.;]{2,60}? to (?:its|their|the|his|her) (?:other|opposite|left|right|top|bottom)\b)",
        named("pass from", "a"),
    ),
    (
        r"from (?:the )?(?P<a>above|below)(?= (?:an?|the|its?|their|two)\b[^,.;]{2,60}? to (?:above|below|under)\b)",
        named("pass from", "a"),
    ),
    (r"from one side(?: of [^,.;]{2,30}?)? to the other(?: side)?", fixed("route", (-1, 0), (1, 0))),
    # To and fro.
    (
        r"(?:back[- ]and[- ]forth|(?:from )?side[- ]to[- ]side|(?:from )?left and right|to and fro)",
        fixed("swing", (1, 0)),
    ),
    (r"up and down|upwards? and downwards?", fixed("swing", (0, 1))),
    (r"from ([\w-]+(?: [\w-]+)?) to (?:another |the next )?\1s?\b", fixed("skip")),
    # From somewhere to somewhere.
    (
        rf"(?:from )?{_place('a')}(?:,? (?:straight|directly|all the way|diagonally|right|over|smoothly))*,? "
        rf"(?:to|towards?|into|over to) {_place('b')}(?:,?(?: and)?(?: then)? (?:to|towards?) {_place('c')})?",
        named("route", "a", "b", "c"),
    ),
    (
        r"to (?:its|their|his|her|the) (?P<a>left|right|top|bottom|other|opposite)(?: (?:side|hand side|end|edge))?"
        rf"(?: of (?:it|them|him|her)\b)?{_NEXT}",
        pass_to,
    ),
    (rf"to (?P<a>above|below)(?: (?:it|them))?{_NEXT}", pass_to),
    (
        r"from (?:the )?(?P<a>left|right|top|bottom|upper|lower) (?P<n>[\w-]+) to (?:the )?"
        r"(?P<b>left|right|top|bottom|upper|lower)(?: (?P=n)| one)?\b",
        named("route", "a", "b"),
    ),
    (r"\b(?P<a>left|right|top|bottom)-to-(?P<b>left|right|top|bottom)\b", named("route", "a", "b")),
    # Relations in several words.
    (
        r"(?:(?P<p>on|at|to|towards?|along|by|from) )?(?:the |its )?(?:immediate |far |direct )?"
        rf"(?P<a>left|right)(?:[- ]hand)?(?: (?:side|edge|end))?{_OF_THING}",
        side_of,
    ),
    (rf"(?:on|to|at|by) (?:its|their|his|her) (?P<a>left|right)(?: side)?{_NEXT}", beside_it),
    (rf"(?:at |on |to )?(?:the )?(?:very )?top{_OF_THING}", fixed("relation", text="top")),
    (rf"on top(?! of){_NEXT}", fixed("beside it", text="on")),
    (rf"(?:on|to) (?:the )?(?:very )?(?:bottom|underside){_OF_THING}", fixed("relation", text="under")),
    (rf"(?:at|near) the (?:very )?bottom{_OF_THING}", fixed("relation", text="bottom")),
    (rf"(?:at|near) the (?:foot|base){_OF_THING}", fixed("relation", text="below")),
    (
        r"(?:on|at|to|along) (?:either|each|both|the (?:two|opposite)|opposite) (?:sides?|ends?|edges?) of(?= )",
        fixed("relation", text="sides"),
    ),
    (
        rf"(?P<p>on|at|along|around|near|by|over) (?:the |an? )(?:very |outer |far )?(?:edge|rim|border|brink)s?"
        rf"{_OF_THING}",
        edge,
    ),
    (rf"(?:in|at|near|into) (?:the |a |one )(?:far |back )?corner{_OF_ROOM}{_NEXT}", fixed("at", (-1, 1))),
    (r"in front of(?= )", fixed("relation", text="front")),
    (
        r"(?:right |directly |just )?(?:next to|adjacent to|close to|side by side with"
        r"|(?:off )?(?:by|at|to|on|along) (?:the|one|the other) sides? of)(?= )",
        fixed("relation", text="beside"),
    ),
    (r"(?:in )?between(?= )", fixed("relation", text="between")),
    (rf"(?:in|at) the (?:very )?(?:middle|cent(?:er|re)|midst|heart){_OF_THING}", fixed("relation", text="middle")),
    # Closer and further away.
    (
        rf"(?:(?:straight|directly|closer|up|right|headlong) )*(?:towards?|to|at) {_CAMERA}",
        fixed("growth", text="towards"),
    ),
    (r"(?:away|further|farther) from (?:the )?(?:camera|viewers?|lens|us)\b", fixed("growth", text="away")),
    (
        r"(?:off |away |far |out )*(?:into|to|towards?) the (?:distance|horizon|background)\b",
        fixed("growth", text="away"),
    ),
    (r"(?:further|farther) (?:and (?:further|farther) )?away(?! from)\b", fixed("growth", text="away")),
    # When.
    (
        r"(?:only |just |solely |exclusively )?(?:in|during|for|throughout|within) (?:the )?"
        rf"(?P<a>first|second|last|latter|initial|final|former|opening|other) half(?: of (?:the |this )?{_FRAME})?",
        half,
    ),
    (rf"only (?:at|in|near|towards|by) the (?P<a>beginning|start|end|ending)(?: of (?:the |this )?{_FRAME})?", half),
    (
        rf"(?:halfway|midway)(?: (?:through|into)(?: (?:the |this )?{_FRAME})?)?|in the middle of the video",
        fixed("midway"),
    ),
    (r"(?:and |, )?(?:then|afterwards?|after that|subsequently|finally)\b", fixed("then")),
    # Which way.
    (
        rf"(?P<a>up|down)(?:wards?)?(?:,? and|-| then)?(?: to(?:wards?)? the)? ?(?P<b>left|right)(?:wards?)?{_NEXT}",
        diagonal,
    ),
    (rf"(?:to the )?(?P<a>left|right)(?:wards?)?,? and (?P<b>up|down)(?:wards?)?{_NEXT}", diagonal),
    (
        rf"(?:over |back |out |off |straight |directly |up |down |all the way )*(?:to|towards?|into) {_place('a')}",
        towards,
    ),
    (r"(?:to|towards?|into) the (?:floor|ground|earth)\b", fixed("from", (0, -1))),
    (
        r"(?:up |high |off )*(?:into|towards?|to|up in) the (?:air|sky|heavens|clouds|stars)\b",
        fixed("particle", (0, -1)),
    ),
    (rf"from {_place('a')}", named("from", "a")),
    (r"from (?P<a>beneath|overhead|underneath)\b", named("from", "a")),
    (r"from the (?:sky|heavens|clouds)\b", fixed("from", (0, -1))),
    (rf"(?:on|at|in|near|along|over|around|to) {_place('a')}", named("at", "a")),
    (r"(?P<p>on|at|in|to|towards?|from) the (?P<a>left|right|top|bottom|middle)(?= (?P<v>[a-z]+))", before_verb),
    (r"\b(?P<a>left|right|up|down)-?wards?\b", named("step", "a")),
    (
        rf"in (?:the |a )?(?:direction of (?:the )?)?(?P<a>left|right|up|down)(?:ward)?(?: direction)?{_NEXT}",
        named("step", "a"),
    ),
    (r"\b(?:sky|heaven)wards?\b", fixed("step", (0, -1))),
    (rf"\b(?P<a>left|right)\b(?! (?:{_NOT_A_DIRECTION})){_NEXT}", bare_side),
    (rf"\b(?:up|down) (?=(?:an?|the) (?:[\w-]+ ){{0,3}}(?:{_LEVEL_WAYS})\b)", fixed("skip")),
    (r"\b(?P<a>up|down)(?:hill)?\b", named("particle", "a")),
    (r"\b(?:ever |much )?higher(?: and higher)?\b(?! than)", fixed("particle", (0, -1))),
    (r"\b(?:ever |much )?lower and lower\b", fixed("particle", (0, 1))),
    (
        r"in (?:a |wide |big |small |tight |large )*(?:circles?|loops?|circular motion)|around and around"
        r"|round and round|in (?:an )?orbit|(?:counter-?|anti-?)?clockwise",
        fixed("circle"),
    ),
    (r"\baway\b(?! from)", fixed("away")),
    (r"\b(?:closer|nearer)\b(?! to)", fixed("growth", text="towards")),
    # With what was named before.
    (r"\bapart\b", fixed("beside it", text="apart")),
    (r"\b(?:overhead|high above)\b(?! (?:the|an?)\b)", fixed("beside it", text="above")),
    (rf"\b(?:nearby|near by|alongside)\b{_NO_NOUN_NEXT}", fixed("beside it", text="beside")),
]
_COMPILED = [
    (re.compile(pattern if pattern.startswith("^") else rf"(?<![\w-])(?:{pattern})", re.IGNORECASE), build)
    for pattern, build in _RULES
]


def find_marks(prompt: str) -> list[Mark]:
    """Return the set phrases of a prompt in order."""
    marks: list[Mark] = []
    for pattern, build in _COMPILED:
        for match in pattern.finditer(prompt):
            start, end = match.span()
            if start < end and not any(start < mark.end and mark.start < end for mark in marks):
                built = build(match)
                if built is not None:
                    kind, signs, text = built
                    marks.append(Mark(kind, start, end, signs, text))
    return sorted(marks, key=lambda mark: mark.start)
