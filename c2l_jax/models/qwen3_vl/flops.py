"""Arithmetic of Qwen3-VL's vision tower: multiplications and additions of matrix products."""

from c2l_jax.models.qwen3_vl.config import Config


def tower_flops(config: Config, side: int) -> float:
    """Forward FLOPs of the tower for one picture of side x side px.

    2 p N for p patches, N the blocks' and the embedding's weights, 2 (p / 4) M for the weights M of
    the merger and those of DeepStack, and attention 4 D p^2 in each block.
    """
    v = config.vision_config
    patches, width = (side // v.patch_size) ** 2, v.hidden_size
    block = 4 * width**2 + 2 * width * v.intermediate_size
    embedding = 3 * v.patch_size**2 * width
    merged = v.spatial_merge_size**2 * width
    mergers = (1 + len(v.deepstack_visual_indexes)) * (merged**2 + merged * v.out_hidden_size)
    return (
        2 * patches * (v.depth * block + embedding)
        + 2 * patches / v.spatial_merge_size**2 * mergers
        + 4 * width * patches * patches * v.depth
    )
