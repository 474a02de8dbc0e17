"""What makes decoding fast on CPUs, where XLA packs the right operand of every product anew.

With kernels turned to [out, in] that operand is a few tokens and not the weights; and kernels that
read the same input are joined to one, since a small product isn't worth sharing between cores. The
model is the same with and without; `python -m benchmarks.sampling` shows the difference.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.decoder import Attention
from c2l_jax.models.layers import GatedMLP, Linear


class TurnedLinear(nnx.Module):
    """One or several Linear of the same input with their kernels in one, [sum of outs, in]."""

    def __init__(self, *linears: Linear):
        kernels = [linear.kernel[...].T for linear in linears]
        self.kernel = nnx.Param(jnp.concatenate(kernels))
        self.bias = (
            nnx.Param(jnp.concatenate([linear.bias[...] for linear in linears]))
            if linears[0].bias is not None
            else None
        )
        self.ends = tuple(sum(len(k) for k in kernels[: i + 1]) for i in range(len(kernels) - 1))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.split(x)[0]

    def split(self, x: jax.Array) -> list[jax.Array]:
        """Each Linear's output."""
        y_or = self.kernel[...] @ x.reshape(-1, x.shape[-1]).T
        if self.bias is not None:
            y_or += self.bias[...][:, None]
        return [part.T.reshape(*x.shape[:-1], -1) for part in jnp.split(y_or, self.ends)]


class _JoinedAttention(Attention):
    def project(self, x_btd: jax.Array) -> list[jax.Array]:
        return self.joined.split(x_btd)


class _JoinedMLP(GatedMLP):
    def project(self, x: jax.Array) -> list[jax.Array]:
        return self.joined.split(x)


# What becomes of a module, and which of its Linear are joined.
_JOINED = {
    Attention: (_JoinedAttention, ("query", "key", "value")),
    GatedMLP: (_JoinedMLP, ("gate", "up")),
}


def turn(model: nnx.Module) -> nnx.Module:
    """The model, made without scan_layers, with its layers' kernels turned and joined."""
    for _, parent in list(nnx.iter_modules(model.text.layers)):
        if type(parent) in _JOINED:
            parent.__class__, names = _JOINED[type(parent)]
            parent.joined = TurnedLinear(*(getattr(parent, name) for name in names))
            for name in names:
                delattr(parent, name)
        for name, child in list(vars(parent).items()):
            if type(child) is Linear:
                setattr(parent, name, TurnedLinear(child))
    return model


def turned(params: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """The parameters of `turn`'s model."""
    in_layers = {path for path in params if path.startswith("text/layers/")}
    out = {
        path: value.T if path in in_layers and path.endswith("/kernel") else value
        for path, value in params.items()
    }
    for _, (first, *others) in _JOINED.values():
        for path in [path for path in in_layers if f"/{first}/" in path]:
            parent, leaf = path.split(f"/{first}/")
            parts = [out.pop(f"{parent}/{name}/{leaf}") for name in (first, *others)]
            out[f"{parent}/joined/{leaf}"] = jnp.concatenate(parts)
    return out
