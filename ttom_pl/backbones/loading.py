"""Loading a diffusers pipeline, with one clear message where that cannot be done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from huggingface_hub.errors import GatedRepoError

from ttom_pl.backbones.quantization import Quantization
from ttom_pl.io.shipped import shipped


def load_pipeline(
    cls: type[DiffusionPipeline],
    pretrained: str,
    dtype: torch.dtype,
    vae_dtype: torch.dtype | None = None,
    quantization: Quantization | None = None,
) -> Any:
    """Load a pipeline from a folder, the hub or the hub's cache.

    Args:
        cls: the pipeline's class.
        pretrained: a folder, that of the embedded model (``checkpoints/sprites``, from wherever one stands), or the id
            of a model on the Hugging Face hub; ``HF_HOME`` and ``HF_HUB_OFFLINE`` count.
        dtype: precision of the weights.
        vae_dtype: that of the VAE, if it is another.
        quantization: which parts are held in fewer bits.

    Raises:
        FileNotFoundError: if there is no such folder or model, or if it is gated and access was not granted.
        ValueError: if it cannot be quantised.
    """
    place = shipped(pretrained)
    pretrained = str(place) if place.is_dir() else pretrained
    if not Path(pretrained).is_dir() and (pretrained.startswith((".", "/")) or pretrained.count("/") != 1):
        raise FileNotFoundError(
            f"no model folder {pretrained!r}; give a {cls.__name__} folder or a hub id 'owner/name'"
        )
    try:
        more = {} if quantization is None else quantization.arguments(cls, pretrained, dtype)
        pipe = cls.from_pretrained(pretrained, dtype={"default": dtype, "vae": vae_dtype or dtype}, **more)
    except (RuntimeError, ImportError, TypeError, ValueError) as error:
        if quantization is None:
            raise
        raise ValueError(f"{pretrained!r} cannot be quantised by {quantization.quant_backend}: {error}") from error
    except OSError as error:
        if Path(pretrained).is_dir():
            raise
        if any(isinstance(cause, GatedRepoError) for cause in _chain(error)):
            raise FileNotFoundError(
                f"the model {pretrained!r} is gated: accept its terms at https://huggingface.co/{pretrained} "
                "and log in with 'hf auth login'"
            ) from error
        raise FileNotFoundError(
            f"no model {pretrained!r}: {str(Path(pretrained).absolute())!r} is no folder, and the Hugging Face hub "
            f"has no such model or cannot be reached; give a {cls.__name__} folder or a hub id 'owner/name'"
        ) from error
    return pipe


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
