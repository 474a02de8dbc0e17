"""From a directory on the command line to a model in its place on the devices."""

import dataclasses
import hashlib
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.checkpoint import newest_step, restore_parameters
from c2l_jax.models import family_of, peft, weights
from c2l_jax.models.config import ModelConfig
from c2l_jax.models.directory import fingerprint
from c2l_jax.models.layers import Compute
from c2l_jax.models.lora import LoRA, merged, partition_table
from c2l_jax.sharding import parameter_shardings
from records.errors import UserError
from records.paths import AnyPath, anywhere, listing, local_copy, read_json, recorded


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A model on its devices.

    params: flat, in the dtype in which it computes.
    directory: the Hugging Face directory, with tokeniser and settings.
    step: of the run that trained it; 0 for a model directory.
    """

    config: ModelConfig
    compute: Compute
    params: dict[str, jax.Array]
    directory: Path
    step: int = 0

    @property
    def graphdef(self) -> nnx.GraphDef:
        return weights.abstract(self.config, self.compute)[0]


def load_model(path: AnyPath, mesh: jax.sharding.Mesh, compute: Compute) -> LoadedModel:
    """A model directory's, or the newest step of the training run in a working directory.

    It may be a directory of PEFT's, too, whose base model is here. Adapters are added to the
    kernels. Raises UserError where there is none of these.
    """
    if not path.is_dir():
        raise UserError(f"no model at {path}: give a model directory or a run's workdir.")
    is_run = (path / "checkpoints").is_dir()
    directory = trained_from(path) if is_run else local_copy(path)
    adapter, lora, dtype = None, None, "float32"
    if is_run:
        settings = read_json(path / "config.json")
        lora, dtype = LoRA.of(settings.get("lora")), settings.get("param_dtype", dtype)
    elif peft.is_adapter_directory(directory):
        adapter, directory = directory, peft.base_of(directory)
    of = family_of(directory)
    config = of.Config.from_directory(directory)
    _, shapes = weights.abstract(config, dtype=jnp.dtype(dtype), lora=lora)
    shardings = parameter_shardings(mesh, partition_table(of.PARTITION_TABLE, shapes), shapes)
    if is_run:
        targets = {
            name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=shardings[name])
            for name, leaf in shapes.items()
        }
        step, params = restore_parameters(path, targets)
        params = jax.jit(merged, static_argnums=1)(params, lora)
    else:
        step, params = 0, weights.load(directory, shardings, adapter=adapter)
    dtype = jnp.dtype(compute.dtype)
    params = {name: param.astype(dtype) for name, param in params.items()}
    compute = dataclasses.replace(compute, mesh=mesh)
    return LoadedModel(config, compute, params, directory, step)


def identity(path: AnyPath) -> dict[str, str | int]:
    """{model, fingerprint} of what `load_model` loads, and of a run its newest {step}.

    A step is known by its files, whose names and sizes no other save repeats. Raises UserError
    where there is no model.
    """
    if not path.is_dir():
        raise UserError(f"no model at {path}: give a model directory or a run's workdir.")
    if not (path / "checkpoints").is_dir():
        return {"model": recorded(path), "fingerprint": fingerprint(path)}
    step = newest_step(path)
    files = listing(path / "checkpoints" / str(step) / "state")
    digest = hashlib.sha256(f"{fingerprint(trained_from(path))}\n{files}".encode())
    return {"model": recorded(path), "fingerprint": digest.hexdigest(), "step": step}


def trained_from(workdir: AnyPath) -> Path:
    """The model directory that the run in `workdir` began with, or else what it has exported.

    Raises UserError where neither is there.
    """
    path = workdir / "config.json"
    named = read_json(path).get("model")
    if named and anywhere(named).is_dir():
        return local_copy(anywhere(named))
    if (workdir / "model").is_dir():
        return local_copy(workdir / "model")
    raise UserError(
        f"{path} names the model {named!r}, which is no directory here: run this command where the "
        "training ran, or let the training finish."
    )


def exported_model(path: AnyPath) -> AnyPath:
    """The model directory that `path` is, or that the training run in `path` has exported.

    Raises UserError where there is none.
    """
    if not path.is_dir():
        raise UserError(f"no model at {path}: give a model directory or a finished run's workdir.")
    if not (path / "checkpoints").is_dir():
        return path
    if not (path / "model").is_dir():
        raise UserError(f"the run in {path} has not exported its model yet: let it finish.")
    return path / "model"
