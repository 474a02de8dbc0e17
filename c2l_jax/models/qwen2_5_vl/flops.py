"""Arithmetic of Qwen2.5-VL's vision tower: multiplications and additions of matrix products."""

from c2l_jax.models.qwen2_5_vl.config import Config


def tower_flops(config: Config, side: int) -> float:
    """Forward FLOPs of the tower for one picture of side x side px.

    2 p N for p patches, N the blocks' and the embedding's weights, 2 (p / 4) M for the merger's
    weights M, and attention 4 D p s in each block, s = 64 patches of a window or all p.
    """
    v = config.vision_config
    patches, width = (side // v.patch_size) ** 2, v.hidden_size
    block = 4 * width**2 + 3 * width * v.intermediate_size
    embedding = 3 * v.patch_size**2 * width
    merged = v.spatial_merge_size**2 * width
    merger = merged**2 + merged * v.out_hidden_size
    full = len(v.fullatt_block_indexes)
    seen = (v.depth - full) * (v.window_size // v.patch_size) ** 2 + full * patches
    return (
        2 * patches * (v.depth * block + embedding)
        + 2 * patches / v.spatial_merge_size**2 * merger
        + 4 * width * patches * seen
    )
