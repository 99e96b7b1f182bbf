"""Words and punctuation of a prompt, with their places in it."""

import re
from dataclasses import dataclass
from functools import cached_property

_TOKEN = re.compile(r"(?:[Ee]ach other|[Oo]ne another)\b|[^\W_]+(?:['’\-][^\W_]+)*|[^\w\s]")


@dataclass(frozen=True)
class Token:
    """A word or a punctuation mark: ``prompt[start:end] == text``, and ``low`` is the text in lower case."""

    text: str
    start: int
    end: int

    @cached_property
    def low(self) -> str:
        """The text in lower case, with a plain apostrophe."""
        return self.text.lower().replace("’", "'")

    @property
    def is_word(self) -> bool:
        """Whether it is a word or a number, not punctuation."""
        return self.text[0].isalnum()


def tokenize(prompt: str) -> list[Token]:
    """Return the tokens of a prompt, in order."""
    return [Token(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(prompt)]
