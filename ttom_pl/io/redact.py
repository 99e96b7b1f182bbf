"""Texts that may be shown: without passwords and keys that stand in addresses."""

import re

_USER = re.compile(r"//[^\s'\"]*@")
_USER_WITHOUT_SCHEME = re.compile(r"(?<![\w/*])[^\s'\"/:=]+:[^\s'\"/][^\s'\"]*@(?=[\w\[])")
_QUOTED = re.compile(r"(['\"])(?:([\w+.-]*:?//)[^'\"\n]*|[^'\"\s:/]+:[^'\"\n]*)(?<!\s)@(?=[\w\[])")
"""Within quotes an address may hold spaces, by mistake."""
_QUERY = re.compile(r"([?&;](?:[\w-]*(?:key|token|secret|password|passwd|sig)[\w-]*)=)[^\s&'\"]+", re.IGNORECASE)


def redact(text: object) -> str:
    """Return a text with ``***`` for users and passwords in the addresses in it, and for keys in their queries.

    Args:
        text: anything; its ``str`` is taken.
    """
    shown = _QUOTED.sub(r"\1\2***@", str(text))
    shown = _USER.sub("//***@", shown)
    shown = _USER_WITHOUT_SCHEME.sub("***@", shown)
    return _QUERY.sub(r"\1***", shown)


__all__ = ["redact"]
