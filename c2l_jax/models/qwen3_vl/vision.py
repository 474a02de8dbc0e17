"""Qwen3-VL's vision tower under static shapes: patches see the whole of their picture.

Patches come tile by tile, as data/images.py cuts them, which no computation here depends on. Slots
outside a picture and whole padding tiles are computed, but no patch ever sees them. Every norm is a
LayerNorm with eps 1e-6 (Qwen3VLVisionModel).
"""

import itertools
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.layers import MLP, Compute, LayerNorm, Linear, NewParams, scan_layers
from c2l_jax.models.qwen3_vl.config import Config, VisionConfig
from c2l_jax.models.vit import VisionAttention, embed_patches
from c2l_jax.ops.attention import SamePicture, Sees
from c2l_jax.ops.rotary import vision_angles

_EPS = 1e-6


class VisionBlock(nnx.Module):
    def __init__(self, config: VisionConfig, compute: Compute, new: NewParams):
        size, out_gain = config.hidden_size, (2 * config.depth) ** -0.5
        self.attention_norm = LayerNorm(new, size, _EPS)
        self.attention = VisionAttention(size, config.num_heads, compute, new, out_gain)
        self.mlp_norm = LayerNorm(new, size, _EPS)
        self.mlp = MLP(new, size, config.intermediate_size, out_gain=out_gain)

    def __call__(self, x_bpd: jax.Array, angles_bpk: jax.Array, sees: Sees) -> jax.Array:
        x_bpd = x_bpd + self.attention(self.attention_norm(x_bpd), angles_bpk, sees)
        return x_bpd + self.mlp(self.mlp_norm(x_bpd))


class PatchMerger(nnx.Module):
    """Each 2 x 2 square of patches becomes one token of the language model.

    The norm is over a patch, or over the four together (`norm_all`, as in DeepStack's mergers).
    """

    def __init__(self, config: VisionConfig, new: NewParams, norm_all: bool = False):
        self.merged = config.hidden_size * config.spatial_merge_size**2
        self.normed = self.merged if norm_all else config.hidden_size
        self.norm = LayerNorm(new, self.normed, _EPS)
        self.hidden = Linear(new, self.merged, self.merged, bias=True)
        self.output = Linear(new, self.merged, config.out_hidden_size, bias=True)

    def __call__(self, x_bpd: jax.Array) -> jax.Array:
        normed = self.norm(x_bpd.reshape(len(x_bpd), -1, self.normed))
        units = normed.reshape(len(x_bpd), -1, self.merged)
        return self.output(jax.nn.gelu(self.hidden(units), approximate=False))


class Mergers(PatchMerger):
    """The tower's own, and K more for what the first layers of the decoder get."""

    def __init__(self, config: VisionConfig, rngs: nnx.Rngs, param_dtype: jnp.dtype):
        super().__init__(config, NewParams(rngs, param_dtype))
        count = len(config.deepstack_visual_indexes)
        new = NewParams(rngs, param_dtype, stack=(count,))
        self.deep = PatchMerger(config, new, norm_all=True) if count else None

    def of_depth(self, number: int, x_bpd: jax.Array) -> jax.Array:
        graphdef, params = nnx.split(self.deep)
        return nnx.merge(graphdef, jax.tree.map(lambda p: p[number], params))(x_bpd)


class VisionTower(nnx.Module):
    def __init__(
        self, config: VisionConfig, compute: Compute, rngs: nnx.Rngs, param_dtype: jnp.dtype
    ):
        new = NewParams(rngs, param_dtype)
        self.config, self.compute = config, compute
        # [time, channel, row, column, out]: both time slices are kept, as in the checkpoint.
        patch = (config.in_channels, config.patch_size, config.patch_size)
        shape = (config.temporal_patch_size, *patch)
        size = config.hidden_size
        self.patch_embedding = new.normal(*shape, size, std=math.prod(shape) ** -0.5)
        self.patch_bias = new.full(size, value=0.0)
        self.position_embedding = new.normal(config.num_position_embeddings, size, std=0.02)
        self.blocks = VisionBlock(
            config, compute, NewParams(rngs, param_dtype, stack=(config.depth,))
        )
        self.merger = Mergers(config, rngs, param_dtype)

    def __call__(self, batch: Mapping[str, jax.Array]) -> tuple[jax.Array, jax.Array | None]:
        """Merged tokens [B, M, D] of patches, patch_coords, tile_images and tile_grids; and
        what goes to the first K layers of the decoder, [K, B, M, D], or None."""
        config = self.config
        rows, tiles, slots = batch["patches"].shape[:3]
        coords = batch["patch_coords"].reshape(rows, tiles * slots, 2)
        grids = jnp.repeat(batch["tile_grids"], slots, axis=1)
        images = jnp.repeat(batch["tile_images"], slots, axis=1)
        sees = SamePicture(jnp.where(coords[..., 0] >= 0, images, 0))
        angles = vision_angles(coords, config.head_dim)
        patches = batch["patches"].reshape(rows, tiles * slots, -1)
        kernel, statistics = self.patch_embedding[...], (config.image_mean, config.image_std)
        x = embed_patches(patches, kernel, *statistics) + self.patch_bias[...]
        x += self._positions(coords, grids).astype(x.dtype)

        def apply(block, x, index):
            del index
            return block(x, angles, sees), None

        params, found = nnx.state(self.blocks), []
        ends = [index + 1 for index in config.deepstack_visual_indexes]
        bounds = dict.fromkeys([0, *ends, config.depth])
        for start, end in itertools.pairwise(bounds):
            some = jax.tree.map(lambda p, s=start, e=end: p[s:e], params)
            x, _ = scan_layers(self.blocks, some, apply, x, self.compute)
            if end in ends:
                found.append(self.merger.of_depth(len(found), x))
        return self.merger(x), jnp.stack(found) if found else None

    def _positions(self, coords_bp2: jax.Array, grids_bp2: jax.Array) -> jax.Array:
        """float32 [B, P, D]: the table, stretched over each picture's patches corner to corner.

        Bilinear, with source coordinate i * (side - 1) / (n - 1) for patch i of n
        (Qwen3VLVisionModel.fast_pos_embed_interpolate).
        """
        side = self.config.table_side
        table = self.position_embedding[...].astype(jnp.float32)
        last = jnp.maximum(grids_bp2 - 1, 1).astype(jnp.float32)
        source = jnp.maximum(coords_bp2, 0) * (side - 1) / last
        low = jnp.clip(jnp.floor(source).astype(jnp.int32), 0, side - 1)
        share = source - low
        high = jnp.minimum(low + 1, side - 1)
        total = 0
        for row, row_share in ((low, 1 - share), (high, share)):
            for column, column_share in ((low, 1 - share), (high, share)):
                weight = row_share[..., 0] * column_share[..., 1]
                total += weight[..., None] * table[row[..., 0] * side + column[..., 1]]
        return total


def patch_pairs(config: Config, in_tiles: int, in_pictures: int) -> int:
    del in_tiles
    return config.vision_config.depth * in_pictures
