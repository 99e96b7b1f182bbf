"""VBench's ``VBench_full_info.json``: a list of objects, in which a prompt stands once more under other dimensions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ttom_pl.prompts.prompt import Prompt


def join_repeats(prompts: Sequence[Prompt]) -> list[Prompt]:
    """Return prompts with those of VBench once each, under all of their dimensions; others are as they are.

    VBench looks for the videos of a prompt under its text, whichever dimension asks for them.

    Args:
        prompts: the prompts of a file; VBench's have ``dimension``, a list, and perhaps ``auxiliary_info``.
    """
    joined: dict[str, Prompt] = {}
    places: dict[str, str] = {}
    for prompt in prompts:
        if not isinstance(prompt.metadata.get("dimension"), list):
            joined[prompt.id] = prompt
            continue
        place = places.setdefault(prompt.text, prompt.id)
        joined[place] = _join(joined[place], prompt) if place in joined else prompt
    return list(joined.values())


def _join(prompt: Prompt, repeat: Prompt) -> Prompt:
    metadata = dict(prompt.metadata)
    metadata["dimension"] = [*dict.fromkeys([*metadata["dimension"], *repeat.metadata["dimension"]])]
    infos = [record.get("auxiliary_info") for record in (prompt.metadata, repeat.metadata)]
    known = [info for info in infos if isinstance(info, Mapping)]
    if known:
        metadata["auxiliary_info"] = {name: value for info in reversed(known) for name, value in info.items()}
    return replace(prompt, metadata=metadata)
