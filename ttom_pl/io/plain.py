"""Texts of others as they may be shown: nothing in them moves the cursor, hides or turns round what is shown."""


def plain(text: object) -> str:
    r"""Return a text with all that is no visible character escaped, as ``\x1b``.

    Args:
        text: anything; its ``str`` is taken.
    """
    return "".join(character if character.isprintable() else _escaped(character) for character in str(text))


def plain_lines(text: object) -> str:
    """Return a text of several lines with all else that is no visible character escaped."""
    return "\n".join(map(plain, str(text).split("\n")))


def plain_json(text: str) -> str:
    r"""Return JSON with all that is no visible character escaped as JSON does it, ``\u001b``."""
    return "".join(
        character if character.isprintable() or character == "\n" else _json_escaped(character) for character in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _json_escaped(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{code:04x}"


__all__ = ["plain", "plain_json", "plain_lines"]
