"""Answers that were paid for once."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ttom_pl.io.whole_files import write_text


class AnswerCache:
    """A folder with a JSON file for each answer, named by what was asked.

    A file that is torn or not ours counts as missing and is written anew.

    Args:
        path: the folder; made when the first answer is put.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def get(self, question: Mapping[str, Any]) -> str | None:
        """Return the answer to a question, ``None`` where it was not asked before."""
        try:
            record = json.loads(self._file(question).read_text(encoding="utf-8"))
            answer = record["answer"] if record["question"] == dict(question) else None
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return answer if isinstance(answer, str) else None

    def put(self, question: Mapping[str, Any], answer: str) -> None:
        """Keep the answer to a question."""
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"question": dict(question), "answer": answer}, indent=1, ensure_ascii=False)
        write_text(self._file(question), text + "\n")  # a reader sees the old file or the new one, never half of it

    def _file(self, question: Mapping[str, Any]) -> Path:
        digest = hashlib.sha256(json.dumps(dict(question), sort_keys=True).encode()).hexdigest()
        return self.path / f"{digest[:32]}.json"
