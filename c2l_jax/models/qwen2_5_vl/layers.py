"""Pieces that the language model and the vision tower share."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

# What the backward pass finds saved of a layer: everything, its matrix products, or its input.
REMAT = {
    "none": lambda layer: layer,
    "dots": lambda layer: jax.checkpoint(
        layer,
        prevent_cse=False,  # not needed inside a scan
        policy=jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
    ),
    "full": lambda layer: jax.checkpoint(layer, prevent_cse=False),
}


@dataclasses.dataclass(frozen=True)
class NewParams:
    """Makes parameters. `stack` is a leading shape, (layers,) for layers stored stacked."""

    rngs: nnx.Rngs
    dtype: jnp.dtype
    stack: tuple[int, ...] = ()

    def normal(self, *shape: int, std: float) -> nnx.Param:
        noise = jax.random.normal(self.rngs.params(), (*self.stack, *shape), jnp.float32)
        return nnx.Param((std * noise).astype(self.dtype))

    def full(self, *shape: int, value: float) -> nnx.Param:
        return nnx.Param(jnp.full((*self.stack, *shape), value, self.dtype))


class Linear(nnx.Module):
    """x @ kernel + bias, kernel [in, out]. It starts with unit gain, times `gain`.

    A fixed deviation of 0.02 is right for widths of thousands; a small model learns twice as
    slowly from it.
    """

    def __init__(self, new: NewParams, size_in: int, size_out: int, *, bias: bool, gain=1.0):
        self.kernel = new.normal(size_in, size_out, std=gain * size_in**-0.5)
        self.bias = new.full(size_out, value=0.0) if bias else None

    def __call__(self, x: jax.Array) -> jax.Array:
        # As a plain matrix product: with more axes XLA's CPU backend transposes the operands of
        # the kernel's gradient element by element, which doubled a training step's time.
        kernel = self.kernel[...]
        y = (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[1])
        return y if self.bias is None else y + self.bias[...]


class RMSNorm(nnx.Module):
    """Root-mean-square norm over the last axis, in float32 (arXiv:1910.07467)."""

    def __init__(self, new: NewParams, size: int, eps: float):
        self.scale = new.full(size, value=1.0)
        self.eps = eps

    def __call__(self, x: jax.Array) -> jax.Array:
        return rms_norm(x, self.scale[...], self.eps)


def rms_norm(x: jax.Array, scale: jax.Array, eps: float, axis: int = -1) -> jax.Array:
    """RMSNorm over an axis of the length of `scale`."""
    wide = x.astype(jnp.float32)
    wide *= jax.lax.rsqrt(jnp.mean(jnp.square(wide), axis, keepdims=True) + eps)
    shape = [1] * x.ndim
    shape[axis] = -1
    return wide.astype(x.dtype) * scale.reshape(shape)


class GatedMLP(nnx.Module):
    """down(silu(gate(x)) * up(x)) (arXiv:2002.05202)."""

    def __init__(self, new: NewParams, size: int, hidden: int, *, bias: bool, out_gain: float):
        self.gate = Linear(new, size, hidden, bias=bias)
        self.up = Linear(new, size, hidden, bias=bias)
        self.down = Linear(new, hidden, size, bias=bias, gain=out_gain)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.down(jax.nn.silu(self.gate(x)) * self.up(x))


def scan_layers(
    layers: nnx.Module, params: nnx.State, apply: Callable, x: jax.Array, remat: str
) -> tuple[jax.Array, jax.Array]:
    """Runs `apply(layer, x) -> (x, out)` over stacked layers; returns the last x and all outs.

    Args:
      layers: the module, for its structure only.
      params: its parameters, or some of the layers' of them, with a leading layer axis.
      remat: key of REMAT.
    """
    graphdef = nnx.graphdef(layers)

    def step(x, layer_params):
        return apply(nnx.merge(graphdef, layer_params), x)

    return jax.lax.scan(REMAT[remat](step), x, params)
