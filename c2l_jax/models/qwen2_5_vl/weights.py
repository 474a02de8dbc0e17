"""Qwen2.5-VL weights: Hugging Face directories in and out, random initialisation, partitioning."""

import contextlib
import dataclasses
import functools
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.experimental import multihost_utils
from jax.sharding import PartitionSpec
from safetensors.numpy import save_file

from c2l_jax.errors import UserError
from c2l_jax.models.directory import COPIED, open_tensors
from c2l_jax.models.params import flatten
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.models.qwen2_5_vl.model import Qwen2_5_VL
from c2l_jax.paths import AnyPath, anywhere, is_remote, local_copy, upload

_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"
_LINEAR = (1, 0)  # torch keeps kernels as [out, in]

# (Hugging Face tensor, our parameter, order of the tensor's axes in ours or None if the same).
# "{}" is a layer number; the tensors of all layers are stacked along a new first axis.
TENSORS = [
    (_EMBEDDING, "text/embedding", None),
    ("model.layers.{}.input_layernorm.weight", "text/layers/input_norm/scale", None),
    ("model.layers.{}.self_attn.q_proj.weight", "text/layers/attention/query/kernel", _LINEAR),
    ("model.layers.{}.self_attn.q_proj.bias", "text/layers/attention/query/bias", None),
    ("model.layers.{}.self_attn.k_proj.weight", "text/layers/attention/key/kernel", _LINEAR),
    ("model.layers.{}.self_attn.k_proj.bias", "text/layers/attention/key/bias", None),
    ("model.layers.{}.self_attn.v_proj.weight", "text/layers/attention/value/kernel", _LINEAR),
    ("model.layers.{}.self_attn.v_proj.bias", "text/layers/attention/value/bias", None),
    ("model.layers.{}.self_attn.o_proj.weight", "text/layers/attention/output/kernel", _LINEAR),
    (
        "model.layers.{}.post_attention_layernorm.weight",
        "text/layers/post_attention_norm/scale",
        None,
    ),
    ("model.layers.{}.mlp.gate_proj.weight", "text/layers/mlp/gate/kernel", _LINEAR),
    ("model.layers.{}.mlp.up_proj.weight", "text/layers/mlp/up/kernel", _LINEAR),
    ("model.layers.{}.mlp.down_proj.weight", "text/layers/mlp/down/kernel", _LINEAR),
    ("model.norm.weight", "text/norm/scale", None),
    (_HEAD, "head", None),
    ("visual.patch_embed.proj.weight", "vision/patch_embedding", (2, 1, 3, 4, 0)),
    ("visual.blocks.{}.norm1.weight", "vision/blocks/attention_norm/scale", None),
    ("visual.blocks.{}.attn.qkv.weight", "vision/blocks/attention/qkv/kernel", _LINEAR),
    ("visual.blocks.{}.attn.qkv.bias", "vision/blocks/attention/qkv/bias", None),
    ("visual.blocks.{}.attn.proj.weight", "vision/blocks/attention/output/kernel", _LINEAR),
    ("visual.blocks.{}.attn.proj.bias", "vision/blocks/attention/output/bias", None),
    ("visual.blocks.{}.norm2.weight", "vision/blocks/mlp_norm/scale", None),
    ("visual.blocks.{}.mlp.gate_proj.weight", "vision/blocks/mlp/gate/kernel", _LINEAR),
    ("visual.blocks.{}.mlp.gate_proj.bias", "vision/blocks/mlp/gate/bias", None),
    ("visual.blocks.{}.mlp.up_proj.weight", "vision/blocks/mlp/up/kernel", _LINEAR),
    ("visual.blocks.{}.mlp.up_proj.bias", "vision/blocks/mlp/up/bias", None),
    ("visual.blocks.{}.mlp.down_proj.weight", "vision/blocks/mlp/down/kernel", _LINEAR),
    ("visual.blocks.{}.mlp.down_proj.bias", "vision/blocks/mlp/down/bias", None),
    ("visual.merger.ln_q.weight", "vision/merger/norm/scale", None),
    ("visual.merger.mlp.0.weight", "vision/merger/hidden/kernel", _LINEAR),
    ("visual.merger.mlp.0.bias", "vision/merger/hidden/bias", None),
    ("visual.merger.mlp.2.weight", "vision/merger/output/kernel", _LINEAR),
    ("visual.merger.mlp.2.bias", "vision/merger/output/bias", None),
]

# (regular expression on the whole path, mesh axes). L layers, V vocabulary, D hidden size, F
# hidden size of the MLP, H query heads, K key-value heads, h head dimension. "tensor" splits heads
# and MLP channels; the vision attention stays whole along it (queries, keys and values share one
# matrix there), and so does what is too small to matter.
PARTITION_TABLE = [
    (r"text/embedding|head", PartitionSpec("tensor", "fsdp")),  # [V, D]
    (
        r"text/layers/attention/(query|key|value)/kernel",
        PartitionSpec(None, "fsdp", "tensor"),  # [L, D, H * h], [L, D, K * h]
    ),
    (
        r"text/layers/attention/(query|key|value)/bias",
        PartitionSpec(None, "tensor"),  # [L, H * h], [L, K * h]
    ),
    (r"text/layers/attention/output/kernel", PartitionSpec(None, "tensor", "fsdp")),  # [L, H*h, D]
    (r"(text/layers|vision/blocks)/mlp/(gate|up)/kernel", PartitionSpec(None, "fsdp", "tensor")),
    # ^ [L, D, F]
    (r"(text/layers|vision/blocks)/mlp/down/kernel", PartitionSpec(None, "tensor", "fsdp")),
    # ^ [L, F, D]
    (r"vision/blocks/mlp/(gate|up)/bias", PartitionSpec(None, "tensor")),  # [L, F]
    (r"vision/blocks/(attention/output|mlp/down)/bias", PartitionSpec()),  # [L, D]
    (r"vision/blocks/attention/qkv/kernel", PartitionSpec(None, "fsdp", None)),  # [L, D, 3 * D]
    (r"vision/blocks/attention/qkv/bias", PartitionSpec()),  # [L, 3 * D]
    (r"vision/blocks/attention/output/kernel", PartitionSpec(None, None, "fsdp")),  # [L, D, D]
    (r"vision/patch_embedding", PartitionSpec(None, None, None, None, "fsdp")),  # [2, 3, 14, 14, D]
    (r"vision/merger/hidden/kernel", PartitionSpec("fsdp", "tensor")),  # [4 * D, 4 * D]
    (r"vision/merger/hidden/bias", PartitionSpec("tensor")),  # [4 * D]
    (r"vision/merger/output/kernel", PartitionSpec("tensor", "fsdp")),  # [4 * D, D of the text]
    (r"vision/merger/output/bias", PartitionSpec()),  # [D of the text]
    (r".*norm/scale", PartitionSpec()),  # [L, D] or [D]
]


def init(
    config: Config, seed: int, shardings: nnx.State | None = None
) -> tuple[nnx.GraphDef, nnx.State]:
    """Random float32 parameters, born where `shardings` (a State of NamedSharding) puts them."""

    def create(key):
        return nnx.state(Qwen2_5_VL(config, rngs=nnx.Rngs(key)))

    params = jax.jit(create, out_shardings=shardings)(jax.random.key(seed))
    return abstract(config)[0], params


def abstract(config: Config, dtype: jnp.dtype = jnp.float32) -> tuple[nnx.GraphDef, nnx.State]:
    """The model's structure, and its parameters as shapes and dtypes."""

    def create():
        return Qwen2_5_VL(config, rngs=nnx.Rngs(0), param_dtype=dtype)

    return nnx.split(nnx.eval_shape(create))


def load(
    directory: AnyPath | str, shardings: nnx.State | None = None, dtype: jnp.dtype = jnp.float32
) -> tuple[nnx.GraphDef, nnx.State]:
    """Parameters of a Qwen2.5-VL directory, cast to `dtype`.

    Each device's part of each parameter is read from the safetensors on its own, so the host never
    holds more than one part. Raises UserError naming tensors that are missing, unknown or of the
    wrong shape.
    """
    directory = local_copy(anywhere(directory))
    config = Config.from_directory(directory)
    graphdef, params = abstract(config, dtype)
    flat = dict(nnx.to_flat_state(params))
    if shardings is None:
        places = dict.fromkeys(flat, jax.sharding.SingleDeviceSharding(jax.devices()[0]))
    else:
        places = {path: place.get_value() for path, place in nnx.to_flat_state(shardings)}
    with contextlib.ExitStack() as files:
        tensors = open_tensors(directory, files, _canonical)
        if config.tie_word_embeddings and _HEAD in tensors:
            # Equal to the embedding, or the only one of the two that was saved.
            tensors.setdefault(_EMBEDDING, tensors.pop(_HEAD))
        _check(tensors, config, directory)
        for path, param in flat.items():
            read = functools.partial(_read, tensors, _entry("/".join(path)), param)
            array = jax.make_array_from_callback(param.shape, places[path], read)
            flat[path] = param.replace(array)
    return graphdef, nnx.from_flat_state(flat)


def export(
    config: Config,
    params: nnx.State,
    directory: AnyPath | str,
    source: AnyPath | str,
    max_shard_bytes: int = 5_000_000_000,
) -> None:
    """Writes a directory that transformers loads unchanged.

    Tokenizer, preprocessor and chat template are copied from the directory `source`. The result
    appears under its name only when it is whole (in a bucket, file by file). With several processes
    all must call this; the first writes. Raises UserError if `directory` exists, and for parameters
    that a checkpoint has no name for.
    """
    directory, source = anywhere(directory), local_copy(anywhere(source))
    if directory.exists():
        raise UserError(f"{directory} exists: export to a new directory.")
    if is_remote(directory):
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "model"
            export(config, params, local, source, max_shard_bytes)
            if jax.process_index() == 0:
                upload(local, directory)
        return
    flat = flatten(params)
    if nameless := sorted(set(flat) - {path for _, path, _ in TENSORS}):
        raise UserError(
            f"the parameters {', '.join(nameless[:5])} have no name in a Qwen2.5-VL checkpoint and "
            "would be lost: merge them into the others before the export."
        )
    partial_directory = directory.with_name(directory.name + ".partial")
    is_writer = jax.process_index() == 0
    try:
        if is_writer:
            shutil.rmtree(partial_directory, ignore_errors=True)  # of an export that was killed
            partial_directory.mkdir(parents=True)
            settings = config.to_hf() | {"dtype": str(flat["text/embedding"].dtype)}
            (partial_directory / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
            for name in COPIED:
                if (source / name).is_dir():
                    shutil.copytree(source / name, partial_directory / name)
                elif (source / name).exists():
                    shutil.copy(source / name, partial_directory / name)
        _write_tensors(partial_directory, config, flat, max_shard_bytes, is_writer)
        if is_writer:
            partial_directory.rename(directory)
    finally:
        if is_writer:
            shutil.rmtree(partial_directory, ignore_errors=True)
    multihost_utils.sync_global_devices(f"export to {directory}")


@dataclasses.dataclass(frozen=True)
class _Entry:
    """One parameter: where its tensors are called what and how their axes are ordered."""

    name: str
    axes: tuple[int, ...] | None
    stacked: bool


def _entry(path: str) -> _Entry:
    name, axes = next((name, axes) for name, ours, axes in TENSORS if ours == path)
    return _Entry(name, axes, "{}" in name)


def _expected(config: Config) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a checkpoint."""
    shapes = {}
    for path, param in nnx.to_flat_state(abstract(config)[1]):
        entry, shape = _entry("/".join(path)), param.shape
        layers = [""]
        if entry.stacked:
            layers, shape = range(shape[0]), shape[1:]
        if entry.axes is not None:
            shape = tuple(shape[entry.axes.index(axis)] for axis in range(len(shape)))
        shapes |= {entry.name.format(layer): shape for layer in layers}
    return shapes


def _canonical(name: str) -> str:
    """A tensor's name as in the published checkpoints; some versions of transformers nest it."""
    name = re.sub(r"^model\.language_model\.", "model.", name)
    return re.sub(r"^model\.visual\.", "visual.", name)


def _check(tensors: dict, config: Config, directory: str | Path) -> None:
    expected = _expected(config)
    unknown = set(tensors) - set(expected)
    problems = [f"{name} is missing" for name in sorted(set(expected) - set(tensors))]
    problems += [f"{name} is unknown" for name in sorted(unknown)]
    for name in sorted(set(expected) & set(tensors)):
        shape = tuple(tensors[name].get_shape())
        if shape != expected[name]:
            problems.append(f"{name} has shape {shape} instead of {expected[name]}")
    if problems:
        shown = "; ".join(problems[:5])
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise UserError(f"the weights in {directory} don't fit its config.json: {shown}{more}.")


def _read(tensors: dict, entry: _Entry, param: nnx.Param, index: tuple[slice, ...]) -> np.ndarray:
    """The part of a parameter (given as shape and dtype) that `index` cuts out."""
    layers = [""]
    if entry.stacked:
        layers, index = range(param.shape[0])[index[0]], index[1:]
    axes = entry.axes or tuple(range(len(index)))
    in_file = tuple(index[axes.index(axis)] for axis in range(len(axes)))
    parts = [
        tensors[entry.name.format(layer)][in_file].transpose(axes).astype(param.dtype)
        for layer in layers
    ]
    return np.stack(parts) if entry.stacked else np.ascontiguousarray(parts[0])


def _exported(flat: dict[str, jax.Array]) -> Iterator[tuple[str, jax.Array, _Entry, int | None]]:
    """Every tensor to write: its name, and the parameter (and layer) it comes from."""
    for _, path, _ in TENSORS:
        if path in flat:
            entry = _entry(path)
            for layer in range(flat[path].shape[0]) if entry.stacked else [None]:
                yield entry.name.format(layer), flat[path], entry, layer


def _write_tensors(
    directory: Path,
    config: Config,
    flat: dict[str, jax.Array],
    max_shard_bytes: int,
    is_writer: bool,
) -> None:
    """Fetches and writes the parameters shard by shard."""
    shapes = _expected(config)
    shards, sizes = [[]], [0]
    for tensor in _exported(flat):
        size = int(np.prod(shapes[tensor[0]])) * tensor[1].dtype.itemsize
        if shards[-1] and sizes[-1] + size > max_shard_bytes:
            shards.append([])
            sizes.append(0)
        shards[-1].append(tensor)
        sizes[-1] += size
    weight_map = {}
    for number, shard in enumerate(shards, start=1):
        single = len(shards) == 1
        file = (
            "model.safetensors" if single else f"model-{number:05}-of-{len(shards):05}.safetensors"
        )
        host = {name: _fetch(param, entry, layer) for name, param, entry, layer in shard}
        weight_map |= dict.fromkeys(host, file)
        if is_writer:
            save_file(host, directory / file, metadata={"format": "pt"})
    if is_writer and len(shards) > 1:
        index = {"metadata": {"total_size": sum(sizes)}, "weight_map": weight_map}
        path = directory / "model.safetensors.index.json"
        path.write_text(json.dumps(index, indent=2) + "\n")


def _fetch(param: jax.Array, entry: _Entry, layer: int | None) -> np.ndarray:
    """One tensor as the checkpoint stores it, on the host of every process."""
    part = param if layer is None else param[layer]
    whole = np.asarray(
        part if part.is_fully_addressable else multihost_utils.process_allgather(part, tiled=True)
    )
    if entry.axes is not None:
        whole = whole.transpose(np.argsort(entry.axes))
    return np.ascontiguousarray(whole)
