"""Multimodal rotary positions, equal to transformers' Qwen2.5-VL `get_rope_index`."""

import numpy as np


def mrope_positions(
    is_image_t: np.ndarray, merged_sizes: list[tuple[int, int]]
) -> tuple[np.ndarray, int]:
    """(temporal, height, width) positions of a sequence of text and still pictures.

    Args:
      is_image_t: bool [T], true where a token is a picture's; the pictures' tokens come in order,
        each picture in one run (two runs are always separated by the vision_end token).
      merged_sizes: (height, width) of each picture in merged tokens.

    Returns:
      int32 [T, 3], and the position at which text after the sequence goes on.
    """
    positions_t3 = np.zeros((len(is_image_t), 3), np.int32)
    start, position = 0, 0
    image_starts = np.flatnonzero(is_image_t & ~np.r_[False, is_image_t[:-1]])
    if len(image_starts) != len(merged_sizes):
        raise ValueError(f"{len(image_starts)} runs of image tokens, {len(merged_sizes)} pictures")
    for image_start, (height, width) in zip(image_starts, merged_sizes, strict=True):
        text = np.arange(image_start - start)
        positions_t3[start:image_start] = (text + position)[:, None]
        position += len(text)
        row, column = np.indices((height, width)).reshape(2, -1)
        start = image_start + height * width
        positions_t3[image_start:start, 0] = position
        positions_t3[image_start:start, 1] = position + row
        positions_t3[image_start:start, 2] = position + column
        # Text goes on after the longer side, not after the number of tokens.
        position += max(height, width)
    text = np.arange(len(is_image_t) - start)
    positions_t3[start:] = (text + position)[:, None]
    return positions_t3, position + len(text)
