"""From what a pattern matched to the set phrase that it is."""

import re
from collections.abc import Callable

from ttom_pl.planners.english.function_words import is_adverb
from ttom_pl.planners.english.marks import MarkKind, Sign
from ttom_pl.planners.english.verbs import guessed_verb, known_verb

Found = tuple[MarkKind, tuple[Sign, ...], str]
Build = Callable[[re.Match[str]], Found | None]

_NEAR = 120


def sign_of(text: str) -> Sign:
    """Return the direction, or the place in the frame, that words name."""
    low = text.lower()
    x = -1 if "left" in low else int("right" in low)
    y = -1 if re.search("upper|top|up|above|overhead", low) else int(bool(re.search("low|bottom|down|neath", low)))
    return (x, y)


def named(kind: MarkKind, *groups: str) -> Build:
    """Build a mark with the signs of what the named groups matched."""

    def build(match: re.Match[str]) -> Found | None:
        return kind, tuple(sign_of(match[group]) for group in groups if match[group]), ""

    return build


def fixed(kind: MarkKind, *signs: Sign, text: str = "") -> Build:
    """Build the same mark for every match."""
    return lambda _: (kind, signs, text)


def towards(match: re.Match[str]) -> Found | None:
    """Build a way into a direction, or to a place where both axes are named."""
    sign = sign_of(match["a"])
    return ("step" if (sign[0] == 0) != (sign[1] == 0) else "goto"), (sign,), ""


def diagonal(match: re.Match[str]) -> Found | None:
    """Build a diagonal way ("up and to the left")."""
    return "step", (sign_of(match["a"] + match["b"]),), ""


def half(match: re.Match[str]) -> Found | None:
    """Build a half of the video."""
    first = match["a"].lower() in {"first", "initial", "former", "beginning", "start", "opening"}
    return "half", (), "first" if first else "second"


def side_of(match: re.Match[str]) -> Found | None:
    """Build a side of something, with the preposition before it."""
    return "side of", (sign_of(match["a"]),), (match["p"] or "on").lower()


def edge(match: re.Match[str]) -> Found | None:
    """Build "on the edge of a table", which is on the table, and "along the edge of a table", which is a way."""
    place = match["p"].lower()
    return "relation", (), "on" if place == "at" else place


def beside_it(match: re.Match[str]) -> Found | None:
    """Build a relation to what was named before."""
    return "beside it", (), match["a"].lower()


def pass_to(match: re.Match[str]) -> Found | None:
    """Build the end of "from the left of … to its right"."""
    opening = r"from (?:(?:the )?(?:left|right|top|bottom)(?: \w+)? of|above|below) [^,.;]*$"
    before = match.string[max(0, match.start() - _NEAR) : match.start()]
    begun = re.search(opening, before, re.IGNORECASE)
    return ("pass to", (sign_of(match["a"]),), "") if begun else None


def before_verb(match: re.Match[str]) -> Found | None:
    """Build the place in "the bus on the left moves", the direction in "a bus going to the left stops"."""
    kinds: dict[str, MarkKind] = {"to": "step", "toward": "step", "towards": "step", "from": "from"}
    verb = known_verb(match["v"].lower())
    if verb is None or verb.form != "s":
        return None
    return kinds.get(match["p"].lower(), "at"), (sign_of(match["a"]),), ""


def bare_side(match: re.Match[str]) -> Found | None:
    """Build a lone "left" or "right", which is a direction only behind a verb or an adverb."""
    before = re.findall(r"[\w'-]+|[^\w\s]", match.string[max(0, match.start() - _NEAR) : match.start()].lower())
    last = before[-1] if before else ""
    guess = guessed_verb(last)
    verb = known_verb(last) is not None or (guess is not None and guess.form != "ed")
    joined = last in {"and", "then", ",", "or", "to", "first", "back"}
    return ("step", (sign_of(match["a"]),), "") if verb or joined or is_adverb(last) else None
