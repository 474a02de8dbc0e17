"""Low-rank adapters on the kernels of linear layers (LoRA, Hu et al. 2021, arXiv 2106.09685).

A kernel W [in, out] stays as it is, and x (W + scale a b) is computed instead of x W, with a
[in, rank], b [rank, out] and scale = alpha / rank. b starts at zero and a uniform in
+-1 / sqrt(in), as in PEFT, whose learning rates therefore fit. They are parameters like all others,
next to their kernel (`.../query/adapter/a` beside `.../query/kernel`) and stacked as it is.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import PartitionSpec

from c2l_jax.models.layers import Linear
from records.errors import UserError, pattern_of

_PART = "/adapter/"  # of the paths of adapters, and of no other


@dataclasses.dataclass(frozen=True)
class LoRA:
    """Which kernels have adapters: those in whose path `pattern` is found."""

    rank: int
    alpha: float
    pattern: str

    @classmethod
    def of(cls, settings: Mapping | None) -> "LoRA | None":
        """From config.lora; None without adapters (rank 0). Raises UserError for nonsense."""
        if not settings or not settings["rank"]:
            return None
        lora = cls(settings["rank"], float(settings["alpha"]), settings["pattern"])
        if lora.rank < 0 or lora.alpha <= 0:
            raise UserError(
                f"config.lora: rank {lora.rank} must not be negative, alpha {lora.alpha} must be "
                "above 0."
            )
        pattern_of(lora.pattern, "config.lora.pattern")
        return lora

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


class Adapter(nnx.Module):
    """What is added to x @ kernel, for a kernel [..., in, out]."""

    def __init__(self, kernel: jax.Array, lora: LoRA, rngs: nnx.Rngs):
        *stack, size_in, size_out = kernel.shape
        shape_a, shape_b = (*stack, size_in, lora.rank), (*stack, lora.rank, size_out)
        a = jax.random.uniform(rngs.params(), shape_a, jnp.float32, -1, 1) * size_in**-0.5
        self.a = nnx.Param(a.astype(kernel.dtype))
        self.b = nnx.Param(jnp.zeros(shape_b, kernel.dtype))
        self.scale = lora.scale

    def __call__(self, x: jax.Array) -> jax.Array:
        return (x @ self.a[...]) @ self.b[...] * self.scale


def adapt(model: nnx.Module, lora: LoRA, rngs: nnx.Rngs) -> nnx.Module:
    """The model with adapters. Raises UserError where `lora.pattern` is in no kernel's path."""
    pattern, count = re.compile(lora.pattern), 0
    for path, module in list(nnx.iter_modules(model)):
        if isinstance(module, Linear) and pattern.search("/".join(map(str, (*path, "kernel")))):
            module.adapter = Adapter(module.kernel[...], lora, rngs)
            count += 1
    if not count:
        raise UserError(
            f"config.lora.pattern {lora.pattern!r} is found in no linear layer's path; they look "
            "like text/layers/attention/query/kernel."
        )
    return model


def without(model: nnx.Module) -> nnx.Module:
    """The model as it was before `adapt`: the same parameters, adapters off."""
    graphdef, state = nnx.split(model)
    bare = nnx.merge(graphdef, state)
    for _, module in list(nnx.iter_modules(bare)):
        if isinstance(module, Linear) and module.adapter is not None:
            del module.adapter
    return bare


def is_adapter(path: str) -> bool:
    return _PART in path


def kernel_of(path: str) -> str:
    """The path of the kernel that an adapter's parameter belongs to."""
    return f"{path.partition(_PART)[0]}/kernel"


def merged(params: Mapping[str, jax.Array], lora: LoRA | None) -> dict[str, jax.Array]:
    """Parameters of the model without adapters that computes the same.

    Added up in float32 and rounded to the kernels' dtype.
    """
    plain = {path: value for path, value in params.items() if not is_adapter(path)}
    for path in params:
        if path.endswith(f"{_PART}a"):
            kernel = kernel_of(path)
            a, b = (params[path[:-1] + name].astype(jnp.float32) for name in "ab")
            added = jnp.matmul(a, b, precision="highest") * lora.scale
            plain[kernel] = (plain[kernel] + added).astype(plain[kernel].dtype)
    return plain


def partition_table(
    table: Sequence[tuple[str, PartitionSpec]], shapes: Mapping[str, jax.ShapeDtypeStruct]
) -> list[tuple[str, PartitionSpec]]:
    """A family's table with lines for the adapters: split as their kernels, whole along `rank`."""
    lines = []
    for path, shape in shapes.items():
        if is_adapter(path):
            spec = next(s for pattern, s in table if re.fullmatch(pattern, kernel_of(path)))
            *stack, split_in, split_out = (*spec, *[None] * (len(shape.shape) - len(spec)))
            ends = (split_in, None) if path.endswith("a") else (None, split_out)
            lines.append((re.escape(path), PartitionSpec(*stack, *ends)))
    return [*lines, *table]
