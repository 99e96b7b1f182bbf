"""The presets of real models: what card each is for, and which model it names."""

import re
from dataclasses import dataclass

import yaml

from ttom_pl.io.shipped import shipped_root

_CARD = re.compile(r"\bcard of (\d+) GB")


@dataclass(frozen=True)
class Preset:
    """A config of a model that wants a card.

    Attributes:
        name: as ``--config`` takes it.
        card: memory of the smallest card that its head names for it as it is, in GB (10⁹ bytes).
        model: id of the model on the Hugging Face hub.
    """

    name: str
    card: int
    model: str


def presets() -> list[Preset]:
    """Return the presets that name a card in their head, the smallest card first."""
    made = []
    for path in sorted((shipped_root() / "configs").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        head = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        match = _CARD.search(head)
        if match:
            model = yaml.safe_load(text)["model"]["backbone"]["init_args"]["pretrained"]
            made.append(Preset(path.stem, int(match[1]), model))
    return sorted(made, key=lambda preset: (preset.card, preset.name))


__all__ = ["Preset", "presets"]
