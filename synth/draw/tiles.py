"""Pictures laid out of equal tiles, all at once: quick where many cells hold few kinds of marks."""

import numpy as np
from PIL import Image

from synth.draw.canvas import write


def lettered(height: int, width: int, fill, words="", px: float = 0, line=None) -> np.ndarray:
    """A tile [height, width, 3] in one colour, with words in its centre.

    line: the colour of a thin line along its upper and left edges; None for no line.
    """
    image = Image.new("RGB", (width, height), fill)
    if line is not None:
        image.paste(line, (0, 0, width, 1))
        image.paste(line, (0, 0, 1, height))
    if words != "":
        write(image, (width / 2, height / 2), words, px)
    return np.asarray(image)


def mosaic(tiles_khwc: np.ndarray, at_rc: np.ndarray) -> np.ndarray:
    """Pixels of a grid of tiles; at_rc tells the tile of each cell."""
    pixels = tiles_khwc[at_rc].transpose(0, 2, 1, 3, 4)
    rows, height, cols, width, _ = pixels.shape
    return pixels.reshape(rows * height, cols * width, 3)


def framed(pixels_hwc: np.ndarray, size: int) -> np.ndarray:
    """The pixels of a square picture with these in its centre and white around them."""
    height, width, _ = pixels_hwc.shape
    whole = np.full((size, size, 3), 255, np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    whole[top : top + height, left : left + width] = pixels_hwc
    return whole
