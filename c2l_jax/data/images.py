"""Pictures to tile-major uint8 patches, equal to transformers' Qwen2VLImageProcessorPil.

Patches are laid out on the host tile by tile, 8 x 8 of them: where a vision tower attends inside
windows, as Qwen2.5-VL's, a tile is one, a windowed layer is one dense attention, and the device
never permutes anything.
Pixels stay uint8 and the frame is kept once (transformers repeats it along time); the model
normalises and folds the repetition into its weights.
"""

import dataclasses
import math
import numbers
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from c2l_jax.data.pictures import as_rgb, check_aspect
from records.errors import UserError
from records.paths import read_json

# OpenAI CLIP's statistics, which every published Qwen2.5-VL uses.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# Names that image processors of Qwen2-VL's kind have had.
_PROCESSOR_TYPES = tuple(
    f"Qwen2{version}VLImageProcessor{variant}"
    for version in ("", "_5_")
    for variant in ("", "Fast", "Pil")
)
_SIZE_KEYS = {"shortest_edge", "longest_edge", "min_pixels", "max_pixels"}


@dataclasses.dataclass(frozen=True)
class ImageSpec:
    """How a model wants its pictures: sides in pixels, `min_pixels`/`max_pixels` in area.

    resample: Pillow's number of the filter. image_mean, image_std: of RGB in [0, 1].
    """

    patch_size: int = 14
    merge_size: int = 2
    tile_size: int = 112
    min_pixels: int = 56 * 56
    max_pixels: int = 28 * 28 * 1280
    resample: int = Image.Resampling.BICUBIC
    image_mean: tuple[float, ...] = CLIP_MEAN
    image_std: tuple[float, ...] = CLIP_STD

    @classmethod
    def from_directory(cls, directory: str | Path, model_patch_size: int = 14) -> "ImageSpec":
        """Reads a model directory's picture settings; a tile is config.json's window or 8 patches.

        As transformers reads them: "image_processor" in processor_config.json (which transformers
        5 writes) wins over preprocessor_config.json; min_pixels and max_pixels win over size,
        which may be {shortest_edge, longest_edge} or {min_pixels, max_pixels}. null means absent,
        and what is absent has Qwen2VLImageProcessor's default. Raises UserError for files that
        are missing or damaged and for settings that the model can't honour. Whatever
        do_convert_rgb says, pictures are RGB, as transformers' loader makes them.
        """
        settings, path = picture_settings(Path(directory))
        vision = read_json(Path(directory) / "config.json").get("vision_config") or {}
        defaults = cls()
        patch_size = vision.get("patch_size") or model_patch_size
        _check_supported(settings, vision | {"patch_size": patch_size}, path)
        least, most = _limits(settings, path)
        mean, std = _statistics(settings, path)
        return cls(
            patch_size=patch_size,
            merge_size=settings.get("merge_size", defaults.merge_size),
            tile_size=vision.get("window_size") or 8 * patch_size,
            min_pixels=least,
            max_pixels=most,
            resample=settings.get("resample", defaults.resample),
            image_mean=mean,
            image_std=std,
        )

    @property
    def patch_shape(self) -> tuple[int, int]:
        """[S, P]: patches of a tile, numbers of a patch."""
        return (self.tile_size // self.patch_size) ** 2, 3 * self.patch_size**2

    @property
    def merged_per_tile(self) -> int:
        """Tokens of the language model that a whole tile becomes."""
        return self.patch_shape[0] // self.merge_size**2

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(tokens, tiles) of a picture of this size in pixels; errors as in `target_size`."""
        sides = target_size(height, width, self)
        tokens = math.prod(sides) // (self.patch_size * self.merge_size) ** 2
        return tokens, math.prod(-(-side // self.tile_size) for side in sides)

    def cut(self, image: Image.Image) -> "Patches":
        """A picture of any mode and size as patches."""
        return patchify(image, self)


def picture_settings(directory: Path) -> tuple[dict, Path]:
    """The image processor's settings that are not null, and the file that has them.

    The precedence is that of transformers' `ImageProcessingMixin.get_image_processor_dict`.
    """
    path = directory / "processor_config.json"
    settings = read_json(path).get("image_processor") if path.exists() else None
    if settings is None:
        path = directory / "preprocessor_config.json"
        settings = read_json(path)
    if not isinstance(settings, dict):
        raise UserError(f"{path}: image_processor is no JSON object: copy the file again.")
    return {name: value for name, value in settings.items() if value is not None}, path


def _check_supported(settings: Mapping, vision: Mapping, path: Path):
    """Raises UserError for what `patchify` or the model, with its vision_config, can't do."""
    kind = settings.get("image_processor_type", _PROCESSOR_TYPES[0])
    if kind not in _PROCESSOR_TYPES:
        raise UserError(f"{path}: image_processor_type {kind!r} is not of Qwen's kind.")
    if not settings.get("do_resize", True):
        raise UserError(
            f"{path}: do_resize is false, but pictures must be resized to whole patches: set "
            "it to true."
        )
    for name, of_model, default in (
        ("patch_size", "patch_size", ImageSpec.patch_size),
        ("merge_size", "spatial_merge_size", ImageSpec.merge_size),
        ("temporal_patch_size", "temporal_patch_size", 2),
    ):
        given, needed = settings.get(name, default), vision.get(of_model) or default
        if given != needed:
            raise UserError(
                f"{path}: {name} is {given}, but the model's {of_model} is {needed} "
                "(config.json): they must be the same."
            )
    resample = settings.get("resample", ImageSpec.resample)
    if resample not in list(Image.Resampling):
        raise UserError(f"{path}: resample {resample!r} is no number of a filter of Pillow's.")


def _limits(settings: Mapping, path: Path) -> tuple[int, int]:
    """(min_pixels, max_pixels); an edge is an area here, whatever it is called."""
    size = settings.get("size", {})
    if not isinstance(size, dict) or {n for n in size if size[n] is not None} - _SIZE_KEYS:
        raise UserError(
            f"{path}: size is {size!r}, but pictures have no fixed size here: give "
            "shortest_edge and longest_edge, both in pixels of area."
        )
    found = []
    for name, edge, default in (
        ("min_pixels", "shortest_edge", ImageSpec.min_pixels),
        ("max_pixels", "longest_edge", ImageSpec.max_pixels),
    ):
        given = (settings.get(name), size.get(edge), size.get(name), default)
        value = next(value for value in given if value is not None)
        if not _is_number(value) or value <= 0:
            raise UserError(f"{path}: {name} is {value!r}, not a positive number of pixels.")
        found.append(value)
    return found[0], found[1]


def _statistics(settings: Mapping, path: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) for pixels in [0, 1], whichever of rescaling and normalising is switched off."""
    mean, std = settings.get("image_mean", CLIP_MEAN), settings.get("image_std", CLIP_STD)
    if not settings.get("do_normalize", True):
        mean, std = 0, 1
    factor = settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 1
    channels = [_per_channel(mean), _per_channel(std)]
    if None in channels or 0 in channels[1] or not _is_number(factor) or not factor:
        raise UserError(
            f"{path}: image_mean {mean!r} and image_std {std!r} must be a number or three each, "
            f"rescale_factor {factor!r} a number, and the last two not 0."
        )
    return tuple(tuple(value / (255 * factor) for value in values) for values in channels)


def _per_channel(value) -> list | None:
    values = [value] * 3 if _is_number(value) else value
    whole = isinstance(values, list | tuple) and len(values) == 3 and all(map(_is_number, values))
    return list(values) if whole else None


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


@dataclasses.dataclass(frozen=True)
class Patches:
    """One picture. G tiles of S slots; a tile at an edge keeps its empty slots in place."""

    pixels_gsp: np.ndarray  # uint8 [G, S, 3 * patch * patch], (channel, row, column) flattened
    coords_gs2: np.ndarray  # int32 [G, S, 2] (row, column) in the patch grid, -1 = empty slot
    slots_n: np.ndarray  # int32 [n] merged token (row-major) -> tile * units + unit
    merged_hw: tuple[int, int]  # the picture's size in merged tokens, n = height * width
    grid_hw: tuple[int, int]  # its size in patches


def target_size(height: int, width: int, spec: ImageSpec) -> tuple[int, int]:
    """The size in pixels a picture is resized to (smart_resize in image_processing_qwen2_vl.py).

    Both sides become multiples of patch * merge, the area lies in [min_pixels, max_pixels] and the
    aspect ratio is kept as nearly as that allows. Raises UserError beyond an aspect ratio of 200.
    """
    factor = spec.patch_size * spec.merge_size
    check_aspect(width, height)
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
    """Resizes and cuts one picture of any mode into tile-major patches."""
    image = as_rgb(image)
    height, width = target_size(image.height, image.width, spec)
    if (width, height) != image.size:
        image = image.resize((width, height), spec.resample)
    patch, merge = spec.patch_size, spec.merge_size
    side = spec.tile_size // (patch * merge)  # merge units along a tile's side
    units_hw = height // (patch * merge), width // (patch * merge)
    tiles_hw = tuple(-(-units // side) for units in units_hw)

    padded_hw = tuple(tiles * spec.tile_size for tiles in tiles_hw)
    pixels = np.zeros((*padded_hw, 3), np.uint8)
    pixels[:height, :width] = np.asarray(image)
    row, column = np.indices(tuple(length // patch for length in padded_hw), np.int32)
    coords = np.stack([row, column], -1)
    coords[(row >= height // patch) | (column >= width // patch)] = -1

    tile_shape = (tiles_hw[0], side, merge, tiles_hw[1], side, merge)
    slots = tiles_hw[0] * tiles_hw[1], (side * merge) ** 2
    # (tile row, unit row, patch row, tile column, unit column, patch column) -> tile-major
    order = (0, 3, 1, 4, 2, 5)
    grid = pixels.reshape(
        tiles_hw[0], side, merge, patch, tiles_hw[1], side, merge, patch, 3
    ).transpose(0, 4, 1, 5, 2, 6, 8, 3, 7)
    coords_gs2 = coords.reshape(*tile_shape, 2).transpose(*order, 6).reshape(*slots, 2)

    unit_row, unit_column = np.indices(units_hw, np.int32)
    tile = (unit_row // side) * tiles_hw[1] + unit_column // side
    unit = (unit_row % side) * side + unit_column % side
    return Patches(
        pixels_gsp=np.ascontiguousarray(grid).reshape(*slots, 3 * patch * patch),
        coords_gs2=np.ascontiguousarray(coords_gs2),
        slots_n=(tile * side * side + unit).reshape(-1).astype(np.int32),
        merged_hw=units_hw,
        grid_hw=(height // patch, width // patch),
    )
