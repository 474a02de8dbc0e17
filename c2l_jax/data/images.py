"""Pictures to window-major uint8 patches, equal to transformers' Qwen2VLImageProcessorPil.

The vision tower attends inside windows of 112 x 112 px, so patches are laid out window by window
on the host: a windowed layer is then one dense attention and the device never permutes anything.
Pixels stay uint8 and the frame is kept once (transformers repeats it along time); the model
normalises and folds the repetition into its weights.
"""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

from c2l_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class ImageSpec:
    """How a model wants its pictures: sides in pixels, `min_pixels`/`max_pixels` in area."""

    patch_size: int = 14
    merge_size: int = 2
    window_size: int = 112
    min_pixels: int = 56 * 56
    max_pixels: int = 28 * 28 * 1280

    @classmethod
    def from_directory(cls, directory: str | Path) -> "ImageSpec":
        """Reads preprocessor_config.json and, for the window, config.json."""
        path = Path(directory) / "preprocessor_config.json"
        if not path.exists():
            raise UserError(f"{path} is missing: a Qwen2.5-VL model directory must contain it.")
        settings = json.loads(path.read_text())
        vision = json.loads((path.parent / "config.json").read_text())["vision_config"]
        size = settings.get("size") or {}
        defaults = cls()
        return cls(
            patch_size=settings.get("patch_size", defaults.patch_size),
            merge_size=settings.get("merge_size", defaults.merge_size),
            window_size=vision.get("window_size", defaults.window_size),
            min_pixels=settings.get("min_pixels", size.get("shortest_edge", defaults.min_pixels)),
            max_pixels=settings.get("max_pixels", size.get("longest_edge", defaults.max_pixels)),
        )


@dataclasses.dataclass(frozen=True)
class Patches:
    """One picture. G windows of S slots; a window at an edge keeps its empty slots in place."""

    pixels_gsp: np.ndarray  # uint8 [G, S, 3 * patch * patch], (channel, row, column) flattened
    coords_gs2: np.ndarray  # int32 [G, S, 2] (row, column) in the patch grid, -1 = empty slot
    slots_n: np.ndarray  # int32 [n] merged token (row-major) -> window * units + unit
    merged_hw: tuple[int, int]  # the picture's size in merged tokens, n = height * width


def target_size(height: int, width: int, spec: ImageSpec) -> tuple[int, int]:
    """The size in pixels a picture is resized to (smart_resize in image_processing_qwen2_vl.py).

    Both sides become multiples of patch * merge, the area lies in [min_pixels, max_pixels] and the
    aspect ratio is kept as nearly as that allows. Raises UserError beyond an aspect ratio of 200.
    """
    factor = spec.patch_size * spec.merge_size
    if max(height, width) > 200 * min(height, width):
        raise UserError(f"a picture of {width} x {height} px is too narrow: at most 200 : 1.")
    new_height, new_width = (round(side / factor) * factor for side in (height, width))
    if new_height * new_width > spec.max_pixels:
        shrink = math.sqrt(height * width / spec.max_pixels)
        new_height, new_width = (
            max(factor, math.floor(side / shrink / factor) * factor) for side in (height, width)
        )
    elif new_height * new_width < spec.min_pixels:
        grow = math.sqrt(spec.min_pixels / (height * width))
        new_height, new_width = (
            math.ceil(side * grow / factor) * factor for side in (height, width)
        )
    return new_height, new_width


def patchify(image: Image.Image, spec: ImageSpec) -> Patches:
    """Resizes (bicubic) and cuts one picture of any mode into window-major patches."""
    image = image.convert("RGB")
    height, width = target_size(image.height, image.width, spec)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    patch, merge = spec.patch_size, spec.merge_size
    side = spec.window_size // (patch * merge)  # merge units along a window's side
    units_hw = height // (patch * merge), width // (patch * merge)
    windows_hw = tuple(-(-units // side) for units in units_hw)

    padded_hw = tuple(windows * spec.window_size for windows in windows_hw)
    pixels = np.zeros((*padded_hw, 3), np.uint8)
    pixels[:height, :width] = np.asarray(image)
    row, column = np.indices(tuple(length // patch for length in padded_hw), np.int32)
    coords = np.stack([row, column], -1)
    coords[(row >= height // patch) | (column >= width // patch)] = -1

    window_shape = (windows_hw[0], side, merge, windows_hw[1], side, merge)
    slots = windows_hw[0] * windows_hw[1], (side * merge) ** 2
    # (window row, unit row, patch row, window column, unit column, patch column) -> window-major
    order = (0, 3, 1, 4, 2, 5)
    grid = pixels.reshape(
        windows_hw[0], side, merge, patch, windows_hw[1], side, merge, patch, 3
    ).transpose(0, 4, 1, 5, 2, 6, 8, 3, 7)
    coords_gs2 = coords.reshape(*window_shape, 2).transpose(*order, 6).reshape(*slots, 2)

    unit_row, unit_column = np.indices(units_hw, np.int32)
    window = (unit_row // side) * windows_hw[1] + unit_column // side
    unit = (unit_row % side) * side + unit_column % side
    return Patches(
        pixels_gsp=np.ascontiguousarray(grid).reshape(*slots, 3 * patch * patch),
        coords_gs2=np.ascontiguousarray(coords_gs2),
        slots_n=(window * side * side + unit).reshape(-1).astype(np.int32),
        merged_hw=units_hw,
    )
