"""Qwen2.5-VL's vision tower under static shapes: patches come window by window.

A windowed layer is one dense attention over [B * G, S] (G windows a row, S slots a window); a full
layer attends over a row's G * S slots with an image-equality mask. Nothing is ever permuted on the
device. Slots outside an image and whole padding windows are computed, but no patch ever sees them.
"""

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.layers import (
    Compute,
    GatedMLP,
    Linear,
    NewParams,
    RMSNorm,
    scan_layers,
)
from c2l_jax.models.qwen2_5_vl.config import Config, VisionConfig
from c2l_jax.models.vit import VisionAttention, embed_patches
from c2l_jax.ops.attention import SamePicture, Sees, ValidKeys
from c2l_jax.ops.rotary import vision_angles

_EPS = 1e-6  # of every norm in the tower; no field of the config


class VisionBlock(nnx.Module):
    def __init__(self, config: VisionConfig, compute: Compute, new: NewParams):
        size = config.hidden_size
        out_gain = (2 * config.depth) ** -0.5
        self.attention_norm = RMSNorm(new, size, _EPS)
        self.attention = VisionAttention(size, config.num_heads, compute, new, out_gain)
        self.mlp_norm = RMSNorm(new, size, _EPS)
        self.mlp = GatedMLP(new, size, config.intermediate_size, bias=True, out_gain=out_gain)

    def __call__(self, x_nsd: jax.Array, angles_nsk: jax.Array, sees: Sees) -> jax.Array:
        x_nsd = x_nsd + self.attention(self.attention_norm(x_nsd), angles_nsk, sees)
        return x_nsd + self.mlp(self.mlp_norm(x_nsd))


class PatchMerger(nnx.Module):
    """Each 2 x 2 square of patches becomes one token of the language model."""

    def __init__(self, config: VisionConfig, new: NewParams):
        self.merged = config.hidden_size * config.spatial_merge_size**2
        self.norm = RMSNorm(new, config.hidden_size, _EPS)
        self.hidden = Linear(new, self.merged, self.merged, bias=True)
        self.output = Linear(new, self.merged, config.out_hidden_size, bias=True)

    def __call__(self, x_bpd: jax.Array) -> jax.Array:
        units = self.norm(x_bpd).reshape(len(x_bpd), -1, self.merged)
        return self.output(jax.nn.gelu(self.hidden(units), approximate=False))


class VisionTower(nnx.Module):
    def __init__(
        self, config: VisionConfig, compute: Compute, rngs: nnx.Rngs, param_dtype: jnp.dtype
    ):
        new = NewParams(rngs, param_dtype)
        self.config, self.compute = config, compute
        # [time, channel, row, column, out]: both time slices are kept, as in the checkpoint.
        shape = (
            config.temporal_patch_size,
            config.in_channels,
            config.patch_size,
            config.patch_size,
        )
        std = math.prod(shape) ** -0.5
        self.patch_embedding = new.normal(*shape, config.hidden_size, std=std)
        self.blocks = VisionBlock(
            config, compute, NewParams(rngs, param_dtype, stack=(config.depth,))
        )
        self.merger = PatchMerger(config, new)

    def __call__(self, batch: Mapping[str, jax.Array]) -> tuple[jax.Array, None]:
        """Merged tokens [B, G * S / 4, D] of patches, patch_coords and tile_images."""
        patches, coords = batch["patches"], batch["patch_coords"]
        rows, windows, slots = patches.shape[:3]
        config = self.config
        kernel = self.patch_embedding[...]
        x = embed_patches(patches, kernel, config.image_mean, config.image_std)
        x = x.reshape(rows * windows, slots, -1)
        angles = vision_angles(coords, self.config.head_dim).reshape(rows * windows, slots, -1)
        valid = coords[..., 0] >= 0
        images = jnp.where(valid, batch["tile_images"][..., None], 0).reshape(rows, -1)
        layouts = {  # is the attention full? -> (x's shape, what sees what)
            False: ((rows * windows, slots), ValidKeys(valid.reshape(rows * windows, slots))),
            True: ((rows, windows * slots), SamePicture(images)),
        }

        def run(x, params, full):
            """A run of equal blocks."""
            shape, sees = layouts[full]
            block_angles = angles.reshape(*shape, -1)

            def apply(block, x, index):
                del index
                return block(x.reshape(*shape, -1), block_angles, sees).reshape(x.shape), None

            return scan_layers(self.blocks, params, apply, x, self.compute)[0]

        kinds = [index in self.config.fullatt_block_indexes for index in range(self.config.depth)]
        period = _period(kinds)

        def run_period(x, params):
            for start, end in _runs(kinds[:period]):
                some = jax.tree.map(lambda p, s=start, e=end: p[s:e], params)
                x = run(x, some, kinds[start])
            return x, None

        params = jax.tree.map(lambda p: p.reshape(-1, period, *p.shape[1:]), nnx.state(self.blocks))
        x, _ = jax.lax.scan(run_period, x, params)
        return self.merger(x.reshape(rows, windows * slots, -1)), None


def patch_pairs(config: Config, in_tiles: int, in_pictures: int) -> int:
    full = len(config.vision_config.fullatt_block_indexes)
    return (config.vision_config.depth - full) * in_tiles + full * in_pictures


def _period(kinds: list[bool]) -> int:
    """The shortest period of the pattern of block kinds that divides its length."""
    depth = len(kinds)
    return next(
        p for p in range(1, depth + 1) if depth % p == 0 and kinds == kinds[:p] * (depth // p)
    )


def _runs(kinds: list[bool]) -> list[tuple[int, int]]:
    """(start, end) of each maximal run of equal kinds."""
    starts = [i for i in range(len(kinds)) if i == 0 or kinds[i] != kinds[i - 1]]
    return list(zip(starts, [*starts[1:], len(kinds)], strict=True))
