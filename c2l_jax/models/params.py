"""Parameters as the trainer holds them: one flat dict, path -> array, paths joined by "/"."""

from collections.abc import Mapping

import jax
from flax import nnx


def flatten(state: nnx.State) -> dict[str, jax.Array]:
    """A model's state as a flat dict; leaves may be shapes or shardings too."""
    return {"/".join(path): leaf.get_value() for path, leaf in nnx.to_flat_state(state)}


def unflatten(params: Mapping[str, jax.Array]) -> nnx.State:
    """The inverse of `flatten`."""
    return nnx.from_flat_state([(tuple(p.split("/")), nnx.Param(v)) for p, v in params.items()])


def merge(graphdef: nnx.GraphDef, params: Mapping[str, jax.Array], *, remat: str = "none"):
    """The model with these parameters; `remat` as in the model's docstring."""
    model = nnx.merge(graphdef, unflatten(params))
    model.remat = remat
    return model
