"""Weights in fewer bits, by the libraries that diffusers knows."""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline, GGUFQuantizationConfig, PipelineQuantizationConfig
from diffusers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as CONFIGS
from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as TEXT_CONFIGS

LIBRARIES = {
    "torchao": "torchao",
    "bitsandbytes_4bit": "bitsandbytes",
    "bitsandbytes_8bit": "bitsandbytes",
    "gguf": "gguf",
}
"""Backends whose library is an extra of this package, with its name."""


@dataclass(frozen=True)
class Quantization:
    """How a pipeline is quantised as it is loaded; the names are those of diffusers' ``PipelineQuantizationConfig``.

    The adapter stays in float32 and is never merged into what is quantised.

    Attributes:
        quant_backend: ``torchao``, ``bitsandbytes_4bit``, ``bitsandbytes_8bit``, or another that diffusers knows; or
            ``gguf``, for files that are quantised already.
        quant_kwargs: arguments of the backend's config class. The ``quant_type`` of torchao is the name of one of its
            config classes, e.g. ``Int8WeightOnlyConfig``.
        components_to_quantize: parts of the pipeline; those that it has not do not count.
        files: with ``gguf``, the file of each part, e.g. ``{"transformer": "wan2.1-t2v-14b-Q5_K_M.gguf"}``.

    Raises:
        ValueError: if diffusers does not know the backend, its library is missing, it refuses the arguments, or files
            are missing or of no use.
    """

    quant_backend: str
    quant_kwargs: dict[str, Any] = field(default_factory=dict)
    components_to_quantize: list[str] = field(default_factory=lambda: ["transformer", "transformer_2"])
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.quant_backend not in CONFIGS:
            raise ValueError(f"quant_backend is {self.quant_backend!r}; diffusers has {', '.join(CONFIGS)}")
        library = LIBRARIES.get(self.quant_backend)
        if library is not None:
            try:
                import_module(library)
            except ImportError as error:
                raise ValueError(
                    f"quant_backend {self.quant_backend!r} needs {library}: pip install 'ttom_pl[{library}]' ({error})"
                ) from error
        if bool(self.files) != (self.quant_backend == "gguf"):
            raise ValueError("files of quantization go with quant_backend 'gguf', which needs one for each part")
        for path in self.files.values():
            if not Path(path).is_file():
                raise ValueError(f"there is no GGUF file {path!r}")
        if self.quant_backend != "gguf":
            self._config(CONFIGS)

    def _config(self, configs: dict[str, Any]) -> Any:
        """Return the backend's own config object."""
        arguments = dict(self.quant_kwargs)
        try:
            if self.quant_backend == "torchao":
                arguments["quant_type"] = _torchao_type(arguments.get("quant_type"))
            return configs[self.quant_backend](**arguments)
        except (TypeError, ValueError, KeyError, ImportError) as error:
            raise ValueError(f"quant_kwargs of quant_backend {self.quant_backend!r} are refused: {error}") from error

    def arguments(self, cls: type[DiffusionPipeline], pretrained: str, dtype: torch.dtype) -> dict[str, Any]:
        """Return what ``from_pretrained`` is called with beside the usual.

        Args:
            cls: the pipeline's class.
            pretrained: its folder or hub id, for the config of parts that come from files.
            dtype: precision to compute in.
        """
        if self.files:
            return {name: _from_gguf(cls, pretrained, name, path, dtype) for name, path in self.files.items()}
        # The text encoder is a model of transformers, which has config classes of its own.
        mapping = {
            name: self._config(TEXT_CONFIGS if name.startswith("text_encoder") else CONFIGS)
            for name in self.components_to_quantize
        }
        return {"quantization_config": PipelineQuantizationConfig(quant_mapping=mapping)}


def _torchao_type(name: Any) -> Any:
    quantization = import_module("torchao.quantization")
    config_class = getattr(quantization, name, None) if isinstance(name, str) else None
    if config_class is None:
        raise ValueError(f"quant_type is {name!r}; give the name of a config class of torchao.quantization")
    return config_class()


def _from_gguf(cls: type[DiffusionPipeline], pretrained: str, name: str, path: str, dtype: torch.dtype) -> Any:
    index = cls.load_config(pretrained)
    if not isinstance(index.get(name), (list, tuple)) or index[name][0] != "diffusers":
        raise ValueError(f"files of quantization name the part {name!r}, which {pretrained!r} has not as a transformer")
    model = getattr(diffusers, index[name][1])
    return model.from_single_file(
        path,
        config=pretrained,
        subfolder=name,
        quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
        torch_dtype=dtype,
    )
