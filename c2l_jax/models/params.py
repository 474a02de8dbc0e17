"""Parameters at every boundary: one flat dict, path -> array, paths joined by "/"."""

from collections.abc import Mapping

import jax
from flax import nnx


def flatten(state: nnx.State) -> dict[str, jax.Array]:
    """A model's state as a flat dict; leaves may be shapes too."""
    return {
        "/".join(str(part) for part in path): leaf.get_value()
        for path, leaf in nnx.to_flat_state(state)
    }


def merge(graphdef: nnx.GraphDef, params: Mapping[str, jax.Array]):
    """The model with these parameters."""
    flat = []
    for path, value in params.items():
        parts = tuple(int(part) if part.isdigit() else part for part in path.split("/"))
        flat.append((parts, nnx.Param(value)))
    return nnx.merge(graphdef, nnx.from_flat_state(flat))


def unstack(
    params: Mapping[str, jax.Array], consume: bool = False, prefix: str = "text/layers/"
) -> dict[str, jax.Array]:
    """Parameters of a model without scan_layers: each layer's part under its number.

    consume: frees what is taken apart, one parameter after the other.
    """
    separate = {}
    for path, value in params.items():
        if path.startswith(prefix):
            rest = path.removeprefix(prefix)
            separate |= {f"{prefix}{layer}/{rest}": part for layer, part in enumerate(value)}
            if consume:
                value.delete()
        else:
            separate[path] = value
    return separate
