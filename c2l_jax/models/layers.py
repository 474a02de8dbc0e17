"""Pieces that language models and vision towers share."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh

from c2l_jax import cpu
from c2l_jax.ops.attention import SAVED, Sees, attend
from c2l_jax.sharding import ROWS, constrain


def _keeping(policy: Callable | None = None) -> Callable:
    """layer -> the layer of which the backward pass finds its input and what `policy` keeps."""

    def wrap(layer):
        return jax.checkpoint(layer, prevent_cse=False, policy=policy)  # in a scan nothing else is

    return wrap


_PRODUCTS = jax.checkpoint_policies.dots_with_no_batch_dims_saveable
_ATTENTION = jax.checkpoint_policies.save_only_these_names(SAVED)
# What the backward pass finds of a layer, from all to its input alone; the rest it computes again.
REMAT = {
    "none": lambda layer: layer,
    # Outputs of linear layers, and what attention computes from.
    "dots": _keeping(jax.checkpoint_policies.save_from_both_policies(_PRODUCTS, _ATTENTION)),
    "attention": _keeping(_ATTENTION),
    "full": _keeping(),
}


@dataclasses.dataclass(frozen=True)
class Compute:
    """How a model computes, whatever its parameters are; part of its structure.

    dtype: of the parameters while computing ("float32" or "bfloat16"); norms, rotary angles and
      softmax are float32 in any case.
    remat: key of REMAT, what the backward pass recomputes.
    attention: key of ops.attention.IMPLEMENTATIONS, or "auto".
    scan_layers: whether equal layers are one loop over stacked parameters, or one program each with
      parameters of its own, as decoding wants them (XLA would copy the slices at every token).
    mesh: what batches and parameters are split over; None where that is one device.
    """

    dtype: str = "float32"
    remat: str = "none"
    attention: str = "auto"
    scan_layers: bool = True
    mesh: Mesh | None = None

    def attend(self, q: jax.Array, k: jax.Array, v: jax.Array, sees: Sees) -> jax.Array:
        """As ops.attention.attend."""
        return attend(q, k, v, sees, self.attention, self.mesh)

    def by_row(self, x: jax.Array) -> jax.Array:
        """x [B, ...] where its rows are.

        Said at every layer: left to itself, the compiler splits x along its last axis as the
        parameters are, so that every device has all rows.
        """
        return constrain(x, self.mesh, ROWS)


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

    adapter: Callable | None = None  # what models.lora adds to x @ kernel

    def __init__(self, new: NewParams, size_in: int, size_out: int, *, bias: bool, gain=1.0):
        self.kernel = new.normal(size_in, size_out, std=gain * size_in**-0.5)
        self.bias = new.full(size_out, value=0.0) if bias else None

    def __call__(self, x: jax.Array) -> jax.Array:
        # As a plain matrix product: with more axes XLA's CPU backend transposes the operands of
        # the kernel's gradient element by element, which doubled a training step's time.
        kernel = self.kernel[...]
        x_ni = x.reshape(-1, x.shape[-1])
        y = x_ni @ kernel
        if self.adapter is not None:
            y += self.adapter(x_ni)
        y = y.reshape(*x.shape[:-1], kernel.shape[1])
        return y if self.bias is None else y + self.bias[...]


class RMSNorm(nnx.Module):
    """Root-mean-square norm over the last axis, in float32 (arXiv:1910.07467)."""

    def __init__(self, new: NewParams, size: int, eps: float):
        self.scale = new.full(size, value=1.0)
        self.eps = eps

    def __call__(self, x: jax.Array) -> jax.Array:
        wide = x.astype(jnp.float32)
        wide *= jax.lax.rsqrt(jnp.mean(jnp.square(wide), -1, keepdims=True) + self.eps)
        return wide.astype(x.dtype) * self.scale[...]


class LayerNorm(nnx.Module):
    """Layer norm over the last axis, in float32 (arXiv:1607.06450)."""

    def __init__(self, new: NewParams, size: int, eps: float):
        self.scale = new.full(size, value=1.0)
        self.bias = new.full(size, value=0.0)
        self.eps = eps

    def __call__(self, x: jax.Array) -> jax.Array:
        wide = x.astype(jnp.float32)
        wide -= jnp.mean(wide, -1, keepdims=True)
        wide *= jax.lax.rsqrt(jnp.mean(jnp.square(wide), -1, keepdims=True) + self.eps)
        return wide.astype(x.dtype) * self.scale[...] + self.bias[...]


class GatedMLP(nnx.Module):
    """down(silu(gate(x)) * up(x)) (arXiv:2002.05202)."""

    def __init__(self, new: NewParams, size: int, hidden: int, *, bias: bool, out_gain: float):
        self.gate = Linear(new, size, hidden, bias=bias)
        self.up = Linear(new, size, hidden, bias=bias)
        self.down = Linear(new, hidden, size, bias=bias, gain=out_gain)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.down(jax.nn.silu(self.gate(x)) * self.up(x))


class MLP(nnx.Module):
    """down(gelu(up(x))) with biases, GELU by its tanh formula."""

    def __init__(self, new: NewParams, size: int, hidden: int, *, out_gain: float):
        self.up = Linear(new, size, hidden, bias=True)
        self.down = Linear(new, hidden, size, bias=True, gain=out_gain)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.down(jax.nn.gelu(self.up(x), approximate=True))


def scan_layers(
    layers: nnx.Module, params: nnx.State, apply: Callable, x: jax.Array, compute: Compute
) -> tuple[jax.Array, jax.Array]:
    """Runs `apply(layer, x, index) -> (x, out)` over stacked layers; returns the last x, all outs.

    Args:
      layers: the module, for its structure only.
      params: its parameters, or some of the layers' of them, with a leading layer axis.
    """
    graphdef = nnx.graphdef(layers)

    def step(x, numbered):
        index, layer_params = numbered
        x, out = apply(nnx.merge(graphdef, layer_params), compute.by_row(x), index)
        return compute.by_row(x), out

    count = len(jax.tree.leaves(params)[0])
    unroll = cpu.unrolls(count, compute.remat, compute.mesh)
    return jax.lax.scan(REMAT[compute.remat](step), x, (jnp.arange(count), params), unroll=unroll)
