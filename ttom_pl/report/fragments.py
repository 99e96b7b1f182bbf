"""Bodies of the cards, each made once and kept beside the page, which loads most of them as one scrolls."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

from ttom_pl.io.whole_files import write_text
from ttom_pl.report.cards import make_card, title
from ttom_pl.report.lineage import made, parents
from ttom_pl.report.preview.prompt_words import Piece
from ttom_pl.run import Decision, Result

FOLDER = "report"
INLINE = 60
"""Cards that are in the page itself, so that the page of a short run is whole without its folder."""
_FORM = 2  # of the bodies; another number makes all of them anew


@dataclass(frozen=True)
class Head:
    """What the page itself says of a prompt.

    Attributes:
        result: the result.
        words: the prompt, in pieces of one colour.
        parents: entries of the memory that it started from.
        made: the entry that it made.
        body: the rest as HTML; empty where it is loaded.
        source: where that is loaded from, relative to the page.
    """

    result: Result
    words: list[Piece]
    parents: list[str]
    made: str | None
    body: str
    source: str

    @property
    def memory(self) -> Decision | None:
        """What the memory decided."""
        return self.result.memory


def make_head(folder: Path, result: Result, environment: Environment, inline: bool) -> Head:
    """Return what the page says of a prompt, and see to it that the rest is there.

    Args:
        folder: the folder of the page.
        result: the prompt.
        environment: of the templates.
        inline: whether the rest is in the page.
    """
    body = keep_body(folder, result, environment)
    source = "" if inline else f"{FOLDER}/{_name(result)}"
    words = title(result)
    return Head(result, words, parents(result.memory), made(result.memory), body() if inline else "", source)


def keep_body(folder: Path, result: Result, environment: Environment) -> "CardBody":
    """Make the body of a card and keep it, unless it is there as it would be made now."""
    path, stamp = folder / FOLDER / _name(result), _stamp(folder, result)
    body = CardBody(path)
    if body.stamp() != stamp:
        html = environment.get_template("card.html.j2").render(card=make_card(folder, result))
        path.parent.mkdir(exist_ok=True)
        call = f'card("p{result.number}", {json.dumps(html)});'
        write_text(path, f"// {stamp}\n{call}\n")
    return body


@dataclass(frozen=True)
class CardBody:
    """The body of a card on disk: a script that hands it to the page, as pages in files may load nothing else."""

    path: Path

    def stamp(self) -> str:
        """Return what it was made from; empty where it is not there."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.readline().removeprefix("// ").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def __call__(self) -> str:
        """Return the HTML."""
        call = self.path.read_text(encoding="utf-8").splitlines()[1]
        html: str = json.loads(call[call.index(", ") + 2 : call.rindex(")")])
        return html


def _name(result: Result) -> str:
    return f"{result.number:04d}.js"


def _stamp(folder: Path, result: Result) -> str:
    files = []
    for name in result.files.values():
        try:
            status = (folder / name).stat()
            files.append([name, status.st_size, status.st_mtime_ns])
        except OSError:
            files.append([name])
    text = json.dumps([_FORM, result.to_dict(), result.asked, result.errors, files], default=str)
    return hashlib.sha256(text.encode()).hexdigest()
