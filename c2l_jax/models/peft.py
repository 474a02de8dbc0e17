"""Adapter directories as PEFT (0.21) writes and reads them, for plain LoRA of linear layers.

adapter_config.json names the rank, alpha, the modules (a regular expression on their whole names
in transformers) and the base model; adapter_model.safetensors has two matrices of each module,
base_model.model.MODULE.lora_A.weight [rank, in] and .lora_B.weight [out, rank].
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from records.errors import UserError
from records.paths import AnyPath, anywhere, local_copy, read_json, recorded

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_ENDS = {"a": ".lora_A.weight", "b": ".lora_B.weight"}
# What else PEFT's LoRA can do; each of these changes what is computed.
_NOT_PLAIN = (
    "use_rslora",
    "use_dora",
    "use_qalora",
    "alora_invocation_tokens",
    "lora_bias",
    "fan_in_fan_out",
    "alpha_pattern",
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
)


def tensor_name(module: str, factor: str) -> str:
    """What PEFT calls the factor "a" or "b" of a module."""
    return f"{_PREFIX}{module}{_ENDS[factor]}"


def write(
    directory: Path,
    tensors: Mapping[str, np.ndarray],
    modules: Iterable[str],
    rank: int,
    alpha: float,
    base: AnyPath | str,
) -> None:
    """Writes both files.

    Args:
      tensors: the factors [out, in] of every layer, by `tensor_name`.
      modules: names in transformers, "{}" for a layer's number.
      base: the model directory that they belong to.
    """
    patterns = (re.escape(module).replace(r"\{\}", r"\d+") for module in modules)
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": recorded(base),
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": "|".join(patterns),
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
    }
    (directory / CONFIG).write_text(json.dumps(settings, indent=2) + "\n")
    save_file(dict(tensors), directory / WEIGHTS, metadata={"format": "pt"})


def is_adapter_directory(directory: Path) -> bool:
    return (directory / CONFIG).exists()


def base_of(directory: Path) -> Path:
    """The model directory that an adapter belongs to. Raises UserError where it is not here."""
    named = read_json(directory / CONFIG).get("base_model_name_or_path")
    if not named or not anywhere(named).is_dir():
        raise UserError(
            f"{directory / CONFIG} names the base model {named!r}, which is no directory here: "
            "write its directory there."
        )
    return local_copy(anywhere(named))


def add(
    tensors: dict,
    directory: Path,
    files: contextlib.ExitStack,
    canonical: Callable[[str], str],
) -> None:
    """Adds an adapter to the slices of the base model's kernels that it belongs to.

    Args:
      tensors: name -> safetensors slice, as from `directory.open_tensors`.
      canonical: a tensor's name in transformers -> its name in `tensors`.

    Raises UserError for other kinds of adapters, and for tensors that fit none of the base model.
    """
    settings, path = read_json(directory / CONFIG), directory / WEIGHTS
    unknown = [name for name in _NOT_PLAIN if settings.get(name)]
    if settings.get("peft_type") != "LORA" or settings.get("bias", "none") != "none" or unknown:
        raise UserError(
            f"{directory / CONFIG} describes an adapter other than plain LoRA "
            f"({', '.join(unknown) or settings.get('peft_type')}): merge it with PEFT first."
        )
    try:
        file = files.enter_context(safe_open(path, framework="np"))
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} can't be read: {error}.") from None
    names = set(file.keys())
    for name in sorted(names):
        module = name.removeprefix(_PREFIX).removesuffix(_ENDS["a"]).removesuffix(_ENDS["b"])
        kernel = canonical(f"{module}.weight")
        both = [tensor_name(module, factor) for factor in _ENDS]
        if not names.issuperset(both) or kernel not in tensors:
            raise UserError(f"{path}: {name} belongs to no layer of the base model.")
        if name == both[0]:
            a_ri, b_or = (file.get_tensor(each).astype(np.float32) for each in both)
            tensors[kernel] = _Adapted(
                tensors[kernel], a_ri, b_or, settings["lora_alpha"] / len(a_ri)
            )


class _Adapted:
    """A slice of a kernel [out, in] and its adapter, read as if it were the slice of their sum."""

    def __init__(self, kernel, a_ri: np.ndarray, b_or: np.ndarray, scale: float):
        self._kernel, self._a_ri, self._b_or = kernel, a_ri, scale * b_or

    def get_shape(self) -> list[int]:
        return self._kernel.get_shape()

    def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
        rows, columns = index
        added = self._b_or[rows] @ self._a_ri[:, columns]
        return self._kernel[index].astype(np.float32) + added
