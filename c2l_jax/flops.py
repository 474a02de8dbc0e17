"""Arithmetic of a step: the multiplications and additions of its matrix products, exactly.

A product x W counts 2 for each weight and each x: tokens for the decoder's layers, response tokens
for the head, patches for the tower, merged patches for its merger. Attention counts 4 D for each
pair that sees each other (D all heads together), so causal rows and branches what they are, not
what a dense mask computes. The embedding is free, and so are norms, softmax and activations. A
backward pass counts a product again for the gradient of a trained weight, and again for the
gradient of x where something trained comes before; nothing that is computed again counts (Chowdhery
et al. 2022, arXiv 2204.02311, appendix B: model FLOPs).
"""

import dataclasses
import math
from collections.abc import Collection, Mapping

import jax
import numpy as np

from c2l_jax.models import family
from c2l_jax.models.config import ModelConfig
from c2l_jax.models.lora import is_adapter

# Of one device, dense bfloat16 products, by the beginning of jax's device_kind; from the vendors'
# data sheets. The first that fits counts.
PEAK_TFLOPS = {
    "TPU v4 lite": 138,
    "TPU v4": 275,
    "TPU v5 lite": 197,
    "TPU v5e": 197,
    "TPU v5": 459,
    "TPU v6": 918,
    "TPU7": 2307,
    "NVIDIA A100": 312,
    "NVIDIA H100 PCIe": 756,
    "NVIDIA H100": 989,
    "NVIDIA H200": 989,
    "NVIDIA B200": 2250,
}


def peak_flops(device_kind: str) -> float | None:
    """FLOPs a second of a device at its best; None where they aren't known."""
    found = (peak for kind, peak in PEAK_TFLOPS.items() if device_kind.startswith(kind))
    peak = next(found, None)
    return peak and peak * 1e12


@dataclasses.dataclass(frozen=True)
class Work:
    """What goes through a model.

    tokens and targets, without padding; pairs: (query, key) that see each other among tokens.
    patches; tile_pairs and picture_pairs: ordered pairs of patches in one tile, in one picture.
    """

    tokens: int = 0
    targets: int = 0
    pairs: int = 0
    patches: int = 0
    tile_pairs: int = 0
    picture_pairs: int = 0

    def __add__(self, other: "Work") -> "Work":
        mine, others = dataclasses.astuple(self), dataclasses.astuple(other)
        return Work(*(a + b for a, b in zip(mine, others, strict=True)))


def work(batch: Mapping[str, np.ndarray]) -> Work:
    """Of a batch of packed rows, on the host."""
    total = Work(
        tokens=int((batch["segments"] > 0).sum()),
        targets=int((batch["target_segments"] > 0).sum()),
    )
    for segments, branches in zip(batch["segments"], batch["branches"], strict=True):
        found = np.stack([segments, branches])[:, segments > 0]
        (ids, of_branch), counts = np.unique(found, axis=1, return_counts=True)
        trunks = np.bincount(ids[of_branch == 0], counts[of_branch == 0], ids.max(initial=0) + 1)
        before = np.where(of_branch > 0, trunks[ids], 0)
        total += Work(pairs=int((counts * before + counts * (counts + 1) // 2).sum()))
    for coords, pictures in zip(batch["patch_coords"], batch["tile_images"], strict=True):
        in_tiles = (coords[..., 0] >= 0).sum(-1)
        in_pictures = np.bincount(np.unique(pictures, return_inverse=True)[1], in_tiles)
        total += Work(
            patches=int(in_tiles.sum()),
            tile_pairs=int((in_tiles**2).sum()),
            picture_pairs=int((in_pictures**2).sum()),
        )
    return total


def forward_flops(config: ModelConfig, shapes: Mapping[str, jax.ShapeDtypeStruct], done: Work):
    """FLOPs of a forward pass of a model with these parameters."""
    return _flops(config, shapes, done, None)


def step_flops(
    config: ModelConfig,
    shapes: Mapping[str, jax.ShapeDtypeStruct],
    done: Work,
    trained: Collection[str],
) -> float:
    """FLOPs of forward and backward pass, `trained` the paths of the trained parameters."""
    return _flops(config, shapes, done, trained)


def _flops(config, shapes, done: Work, trained: Collection[str] | None) -> float:
    text, vision = config.text_config, config.vision_config
    in_tower = {path for path in trained or () if path.startswith("vision/")}
    # Of inputs: those of the merger come out of the tower's blocks.
    blocks_learn = any(not path.startswith("vision/merger/") for path in in_tower)
    merger_learns, text_learns = bool(in_tower), trained is not None
    head = "text/embedding" if config.tie_word_embeddings else "head"
    total = 0.0
    for path, shape in shapes.items():
        weights, learns = math.prod(shape.shape), text_learns
        if path == head:
            uses = done.targets
        elif path == "vision/patch_embedding":
            # The frames of a still picture are alike: their weights are added up first.
            uses, learns = done.patches / vision.temporal_patch_size, False
        elif not (path.endswith("/kernel") or is_adapter(path)):
            continue
        elif path.startswith("vision/merger/"):
            uses, learns = done.patches / vision.spatial_merge_size**2, merger_learns
        elif path.startswith("vision/"):
            uses, learns = done.patches, blocks_learn
        else:
            uses = done.tokens
        total += 2 * weights * uses * (1 + learns + (path in (trained or ())))
    heads = text.num_attention_heads * text.head_dim
    total += 4 * text.num_hidden_layers * heads * done.pairs * (1 + 2 * text_learns)
    seen = family(config.MODEL_TYPE).patch_pairs(config, done.tile_pairs, done.picture_pairs)
    return total + 4 * vision.hidden_size * seen * (1 + 2 * blocks_learn)
