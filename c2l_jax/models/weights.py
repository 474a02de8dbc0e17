"""Weights of every family: Hugging Face directories in and out, random initialisation.

Parameters are a flat dict, as in models.params. A family's TENSORS has a line for each of them:
(Hugging Face tensor, our parameter, order of the tensor's axes in ours or None if the same). "{}"
is a layer number; the tensors of all layers are stacked along a new first axis.
"""

import contextlib
import dataclasses
import functools
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.experimental import multihost_utils
from jax.sharding import Sharding, SingleDeviceSharding
from safetensors.numpy import save_file

from c2l_jax.models import family, family_of, peft
from c2l_jax.models.config import ModelConfig
from c2l_jax.models.directory import COPIED, open_tensors
from c2l_jax.models.layers import Compute
from c2l_jax.models.lora import LoRA, adapt, is_adapter, kernel_of
from c2l_jax.models.params import flatten
from c2l_jax.models.vlm import VisionLanguageModel
from records.errors import UserError
from records.paths import AnyPath, anywhere, is_remote, local_copy, upload

Shapes = dict[str, jax.ShapeDtypeStruct]
COMPUTE = Compute()


def create(
    config: ModelConfig,
    compute: Compute,
    rngs: nnx.Rngs,
    dtype: jnp.dtype = jnp.float32,
    lora: LoRA | None = None,
) -> VisionLanguageModel:
    """A model with random parameters."""
    tower = family(config.MODEL_TYPE).VisionTower
    model = VisionLanguageModel(config, tower, compute, rngs=rngs, param_dtype=dtype)
    return adapt(model, lora, rngs) if lora else model


def init(
    config: ModelConfig, seed: int, shardings: Mapping[str, Sharding] | None = None
) -> dict[str, jax.Array]:
    """Random float32 parameters, born where `shardings` puts them."""

    def params(key):
        return flatten(nnx.state(create(config, COMPUTE, nnx.Rngs(key))))

    return jax.jit(params, out_shardings=shardings)(jax.random.key(seed))


def abstract(
    config: ModelConfig,
    compute: Compute = COMPUTE,
    dtype: jnp.dtype = jnp.float32,
    lora: LoRA | None = None,
) -> tuple[nnx.GraphDef, Shapes]:
    """The model's structure, and its parameters as shapes and dtypes."""
    made = nnx.eval_shape(lambda: create(config, compute, nnx.Rngs(0), dtype, lora))
    graphdef, state = nnx.split(made)
    return graphdef, flatten(state)


def load(
    directory: AnyPath | str,
    shardings: Mapping[str, Sharding] | None = None,
    dtype: jnp.dtype = jnp.float32,
    adapter: Path | None = None,
) -> dict[str, jax.Array]:
    """Parameters of a Hugging Face directory, cast to `dtype`.

    adapter: a directory of PEFT's, whose adapters are added to the kernels.

    Each device's part of each parameter is read from the safetensors on its own, so the host never
    holds more than one part. Raises UserError naming tensors that are missing, unknown or of the
    wrong shape.
    """
    directory = local_copy(anywhere(directory))
    of = family_of(directory)
    config = of.Config.from_directory(directory)
    names, shapes = Names(config), abstract(config, dtype=dtype)[1]
    params = {}
    with contextlib.ExitStack() as files:
        tensors = open_tensors(directory, files, names.canonical)
        if adapter:
            peft.add(tensors, adapter, files, names.canonical)
        embedding, head = names.entry("text/embedding").name, names.entry("head").name
        if config.tie_word_embeddings and head in tensors:
            # Equal to the embedding, or the only one of the two that was saved.
            tensors.setdefault(embedding, tensors.pop(head))
        _check(tensors, names.expected(shapes), directory)
        for path, shape in shapes.items():
            place = shardings[path] if shardings else SingleDeviceSharding(jax.devices()[0])
            read = functools.partial(_read, tensors, names.entry(path), shape)
            params[path] = jax.make_array_from_callback(shape.shape, place, read)
    return params


def export(
    config: ModelConfig,
    params: Mapping[str, jax.Array],
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
    names, source = Names(config), local_copy(anywhere(source))
    if nameless := sorted(set(params) - names.paths()):
        raise UserError(
            f"the parameters {', '.join(nameless[:5])} have no name in a {config.MODEL_TYPE} "
            "checkpoint and would be lost: merge them into the others before the export."
        )
    with _new_directory(directory) as folder:
        if folder:
            settings = config.to_hf() | {"dtype": str(params["text/embedding"].dtype)}
            (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
            for name in COPIED:
                if (source / name).is_dir():
                    shutil.copytree(source / name, folder / name)
                elif (source / name).exists():
                    shutil.copy(source / name, folder / name)
        _write_tensors(folder, names, params, max_shard_bytes)


def export_adapter(
    config: ModelConfig,
    params: Mapping[str, jax.Array],
    lora: LoRA,
    directory: AnyPath | str,
    base: AnyPath | str,
) -> None:
    """Writes the adapters among `params` as a directory that PEFT loads onto the model in `base`.

    It appears as that of `export` does, and the same is refused.
    """
    names, tensors, modules = Names(config), {}, []
    with _new_directory(directory) as folder:
        for path in sorted(filter(is_adapter, params)):
            kernel, value = kernel_of(path), params[path]
            modules.append(names.module(kernel))
            stacked = names.entry(kernel).stacked
            for layer in range(len(value)) if stacked else [None]:
                name = peft.tensor_name(modules[-1].format(layer), path[-1])
                tensors[name] = fetch(value, names.entry(kernel), layer)
        if folder:
            peft.write(folder, tensors, dict.fromkeys(modules), lora.rank, lora.alpha, base)


@contextlib.contextmanager
def _new_directory(directory: AnyPath | str) -> Iterator[Path | None]:
    """A folder to be written, None on all processes but the first; then it gets its name.

    Raises UserError where `directory` exists.
    """
    directory = anywhere(directory)
    if directory.exists():
        raise UserError(f"{directory} exists: export to a new directory.")
    is_writer = jax.process_index() == 0
    with contextlib.ExitStack() as cleaning:
        folder = None
        if is_writer and is_remote(directory):
            folder = Path(cleaning.enter_context(tempfile.TemporaryDirectory()))
        elif is_writer:
            folder = directory.with_name(directory.name + ".partial")
            shutil.rmtree(folder, ignore_errors=True)  # of an export that was killed
            folder.mkdir(parents=True)
            cleaning.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder
        if is_writer and is_remote(directory):
            upload(folder, directory)
        elif is_writer:
            folder.rename(directory)
    multihost_utils.sync_global_devices(f"export to {directory}")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One parameter: where its tensors are called what and how their axes are ordered."""

    name: str
    axes: tuple[int, ...] | None
    stacked: bool


class Names:
    """What the parameters of one model are called in a checkpoint."""

    def __init__(self, config: ModelConfig):
        self._family = family(config.MODEL_TYPE)
        self._entries = {
            path: Entry(name, axes, "{}" in name) for name, path, axes in self._family.TENSORS
        }

    def entry(self, path: str) -> Entry:
        return self._entries[path]

    def paths(self) -> set[str]:
        return set(self._entries)

    def canonical(self, name: str) -> str:
        """A tensor's name as in the published checkpoints."""
        for theirs, published in self._family.RENAMES:
            if name.startswith(theirs):
                return published + name.removeprefix(theirs)
        return name

    def module(self, path: str) -> str:
        """What transformers' model calls the linear layer of a kernel, "{}" for its layer."""
        name = self.entry(path).name.removesuffix(".weight")
        for theirs, published in self._family.RENAMES:
            if name.startswith(published):
                return theirs + name.removeprefix(published)
        return name

    def expected(self, params: Mapping) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor of a checkpoint with these parameters."""
        shapes = {}
        for path, param in params.items():
            entry, shape = self.entry(path), param.shape
            layers = [""]
            if entry.stacked:
                layers, shape = range(shape[0]), shape[1:]
            if entry.axes is not None:
                shape = tuple(shape[entry.axes.index(axis)] for axis in range(len(shape)))
            shapes |= {entry.name.format(layer): shape for layer in layers}
        return shapes

    def exported(
        self, params: Mapping[str, jax.Array]
    ) -> Iterator[tuple[str, jax.Array, Entry, int | None]]:
        """Every tensor to write: its name, and the parameter (and layer) it comes from."""
        for path, entry in self._entries.items():
            if path in params:
                for layer in range(params[path].shape[0]) if entry.stacked else [None]:
                    yield entry.name.format(layer), params[path], entry, layer


def _check(tensors: dict, expected: dict, directory: str | Path) -> None:
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


def _read(
    tensors: dict, entry: Entry, param: jax.ShapeDtypeStruct, index: tuple[slice, ...]
) -> np.ndarray:
    """The part of a parameter (given as shape and dtype) that `index` cuts out."""
    within = index[1:] if entry.stacked else index
    axes = entry.axes or tuple(range(len(within)))
    in_file = tuple(within[axes.index(axis)] for axis in range(len(axes)))

    def tensor(layer):
        return tensors[entry.name.format(layer)][in_file].transpose(axes)

    if not entry.stacked:
        return np.ascontiguousarray(tensor(""), param.dtype)
    lengths = [len(range(length)[cut]) for length, cut in zip(param.shape, index, strict=True)]
    part = np.empty(lengths, param.dtype)
    for number, layer in enumerate(range(param.shape[0])[index[0]]):
        part[number] = tensor(layer)  # at once in its place: never are all layers here twice
    return part


def _write_tensors(
    directory: Path | None,
    names: Names,
    params: Mapping[str, jax.Array],
    max_shard_bytes: int,
) -> None:
    """Fetches the parameters shard by shard, and writes them where there is a directory."""
    shapes = names.expected(params)
    shards, sizes = [[]], [0]
    for tensor in names.exported(params):
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
        host = {name: fetch(param, entry, layer) for name, param, entry, layer in shard}
        weight_map |= dict.fromkeys(host, file)
        if directory:
            save_file(host, directory / file, metadata={"format": "pt"})
    if directory and len(shards) > 1:
        index = {"metadata": {"total_size": sum(sizes)}, "weight_map": weight_map}
        path = directory / "model.safetensors.index.json"
        path.write_text(json.dumps(index, indent=2) + "\n")


def fetch(param: jax.Array, entry: Entry, layer: int | None) -> np.ndarray:
    """One tensor as the checkpoint stores it, on the host of every process."""
    part = param if layer is None else param[layer]
    whole = np.asarray(
        part if part.is_fully_addressable else multihost_utils.process_allgather(part, tiled=True)
    )
    if entry.axes is not None:
        whole = whole.transpose(np.argsort(entry.axes))
    return np.ascontiguousarray(whole)
