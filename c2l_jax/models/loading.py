"""From a directory on the command line to a model in its place on the devices."""

from pathlib import Path

import jax
from flax import nnx

from c2l_jax.checkpoint import restore_parameters
from c2l_jax.errors import UserError
from c2l_jax.models.params import flatten, unflatten
from c2l_jax.models.qwen2_5_vl import weights
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.paths import AnyPath, anywhere, local_copy, read_json
from c2l_jax.sharding import parameter_shardings


def load_model(path: AnyPath, mesh, dtype) -> tuple[nnx.GraphDef, dict[str, jax.Array], Path, int]:
    """(graphdef, flat parameters, model directory, step) of a model or of a run's newest step.

    path: a Hugging Face directory or the working directory of a training run. Raises UserError
    where neither is there.
    """
    if not path.is_dir():
        raise UserError(f"no model at {path}: give a model directory or a run's workdir.")
    is_run = (path / "checkpoints").is_dir()
    directory = trained_from(path) if is_run else local_copy(path)
    config = Config.from_directory(directory)
    graphdef, abstract = weights.abstract(config)
    shapes = flatten(abstract)
    shardings = parameter_shardings(mesh, weights.PARTITION_TABLE, shapes)
    if is_run:
        targets = {
            name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=shardings[name])
            for name, leaf in shapes.items()
        }
        step, params = restore_parameters(path, targets)
    else:
        step, params = 0, flatten(weights.load(directory, unflatten(shardings))[1])
    return graphdef, {n: p.astype(dtype) for n, p in params.items()}, directory, step


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
