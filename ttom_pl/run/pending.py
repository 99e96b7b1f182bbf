"""The prompt whose result is about to be written: kept whole until it is, so that a kill in between changes nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ttom_pl.io.whole_files import replacing
from ttom_pl.run.result import Result

_FILE = ".pending.safetensors"


@dataclass(frozen=True)
class Pending:
    """A prompt whose video exists, and what is still to be done for it.

    Attributes:
        result: its result, without what the memory decides.
        proposal: what the memory is to take up, in JSON form.
        tensors: the parameters that belong to it.
    """

    result: Result
    proposal: Mapping[str, Any]
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def is_done(self, result: Result | None) -> bool:
        """Whether this result is what it was to become."""
        return result is not None and _asked(result) == _asked(self.result)


def hold(run: Path, pending: Pending) -> None:
    """Keep a prompt until :func:`release`, on disk when this returns."""
    metadata = {"result": json.dumps(pending.result.to_dict()), "proposal": json.dumps(pending.proposal)}
    with replacing(run / _FILE) as unfinished:
        # not by save_file, whose errors do not tell that the disk is full
        unfinished.write_bytes(save({name: tensor.contiguous() for name, tensor in pending.tensors.items()}, metadata))


def held(run: Path) -> Pending | None:
    """Return the prompt that was held when the run was stopped, if there is one."""
    path = run / _FILE
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Pending(Result.from_dict(json.loads(metadata["result"])), json.loads(metadata["proposal"]), tensors)
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):  # damaged: the prompt is served again
        release(run)
        return None


def release(run: Path) -> None:
    """Let go of what is held."""
    (run / _FILE).unlink(missing_ok=True)


def _asked(result: Result) -> dict[str, Any]:
    """Return a result without what differs between two ways to the same one."""
    return {name: value for name, value in result.to_dict().items() if name not in ("memory", "seconds")}
