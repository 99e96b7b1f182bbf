"""What of a config may differ when a run goes on."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

FREE = ("data", "stream.on_error", "stream.out", "trainer.enable_progress_bar")
"""Options that may change when a run goes on: prompts are compared one by one, a folder may have moved."""
GONE = ("model.backbone.init_args.chunk_size",)
"""Options of earlier versions, without effect on results: runs that had them go on."""
RENAMED = {
    "model.guidance": "model.method",
    "memory.threshold": "memory.recall.threshold",
    "memory.k": "memory.recall.k",
    "memory.min_merged": "memory.recall.min_merged",
    "memory.hit_iterations": "memory.recall.iterations",
    "memory.verified_loss": "memory.recall.verified_loss",
    "memory.text_weight": "memory.key.text_weight",
    "memory.text_encoder": "memory.key.text_encoder",
    "memory.min_gain": "memory.keep.min_gain",
    "memory.merge_threshold": "memory.keep.merge_threshold",
    "memory.dtype": "memory.keep.dtype",
    "memory.keep_attention": "memory.keep.attention",
    "memory.capacity": "memory.store.capacity",
    "memory.capacity_bytes": "memory.store.capacity_bytes",
    "memory.eviction": "memory.store.eviction",
    "memory.merge": "memory.store.merge",
}
"""Options that had another name in earlier versions."""
MOVED = {
    "ttom_pl.baselines": "ttom_pl.rehearsal",
    "ttom_pl.tto": "ttom_pl.rehearsal",
    "ttom_pl.detectors": "ttom_pl.evaluation.detectors",
    "ttom_pl.judge": "ttom_pl.evaluation.judge",
    "ttom_pl.metrics": "ttom_pl.evaluation.metrics",
    "ttom_pl.prompts.PromptStream": "ttom_pl.prompts.datamodule.PromptStream",
}
"""Where classes that configs name were in earlier versions: a package or a class, and where it is."""
_MISSING = object()
_MOVED = re.compile(r"(?<![\w.])(" + "|".join(map(re.escape, MOVED)) + r")(?!\w)")


def modern(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with the names that its options have now, without those that are gone."""
    made: dict[str, Any] = json.loads(json.dumps(config, default=str))
    for name in GONE:
        _take(made, name.split("."))
    for old, new in RENAMED.items():
        value = _take(made, old.split("."))
        if value is not _MISSING:
            _put(made, new.split("."), value)
    renamed: dict[str, Any] = _with_new_paths(made)
    return renamed


def new_path(path: str) -> str:
    """Return where a class, or a module, is that earlier versions had elsewhere; others are where they were.

    Args:
        path: as configs name it, e.g. ``"ttom_pl.detectors.SpritesDetector"``.
    """
    return _MOVED.sub(lambda match: MOVED[match[0]], path)


def moved_in(text: str) -> dict[str, str]:
    """Return what a text names by the paths of earlier versions, with the paths of today; empty if nothing."""
    names = (match[0] for match in re.finditer(rf"{_MOVED.pattern}(?:\.\w+)*", text))
    return {name: new_path(name) for name in names}


_NOTHING: tuple[Any, ...] = (None, {})
"""How a class without arguments has its ``init_args``, by how the config came about."""


def differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    """Yield what differs between two configs, as ``model.lr was 0.1, is 0.2``, but for what may."""
    if name in FREE or old == new or (old in _NOTHING and new in _NOTHING):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from differences(old.get(key), new.get(key), f"{name}.{key}" if name else str(key))
    else:
        yield f"{name or 'the config'} was {_short(old)}, is {_short(new)}"


def _with_new_paths(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: new_path(part) if key == "class_path" and isinstance(part, str) else _with_new_paths(part)
            for key, part in value.items()
        }
    return [_with_new_paths(part) for part in value] if isinstance(value, list) else value


def _take(config: Any, path: list[str]) -> Any:
    *above, name = path
    for part in above:
        config = config.get(part) if isinstance(config, dict) else None
    return config.pop(name, _MISSING) if isinstance(config, dict) else _MISSING


def _put(config: dict[str, Any], path: list[str], value: Any) -> None:
    *above, name = path
    for part in above:
        config = config.setdefault(part, {})
    config[name] = value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
