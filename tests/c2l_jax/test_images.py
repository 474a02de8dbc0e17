"""Our patches against transformers' image processor, to the last bit of its uint8 stage."""

import numpy as np
import pytest
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from c2l_jax.data.images import ImageSpec, patchify, target_size
from c2l_jax.errors import UserError

SIZES = [(112, 112), (224, 112), (300, 420), (97, 61), (56, 56), (30, 500), (640, 480)]


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 4))
    return Image.fromarray(pixels.astype(np.uint8), "RGBA").convert(mode)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("limits", [(56 * 56, 28 * 28 * 1280), (112 * 112, 200 * 200)])
def test_patches_equal_transformers(size, limits):
    spec = ImageSpec(min_pixels=limits[0], max_pixels=limits[1])
    processor = Qwen2VLImageProcessorPil(
        size={"shortest_edge": limits[0], "longest_edge": limits[1]}
    )
    image = noise(*size)
    theirs = processor(images=[image], return_tensors="np")
    _, height, width = theirs["image_grid_thw"][0]
    ours = patchify(image, spec)
    assert ours.merged_hw == (height // 2, width // 2)

    # Undo the window order: merged token -> its window and unit -> its 2 x 2 patches.
    units = ours.pixels_gsp.reshape(-1, 4, 3, 14, 14)[ours.slots_n].reshape(-1, 3, 14, 14)
    mean, std = np.asarray(processor.image_mean), np.asarray(processor.image_std)
    pixels = (units / 255.0 - mean[:, None, None]) / std[:, None, None]
    pixels = np.repeat(pixels[:, :, None], 2, axis=2).reshape(len(pixels), -1)
    np.testing.assert_allclose(pixels, theirs["pixel_values"], atol=1e-5)


def test_coordinates_mark_every_patch_once_and_empty_slots():
    patches = patchify(noise(140, 84), ImageSpec())  # 6 x 10 patches in 1 x 2 windows
    assert patches.pixels_gsp.shape == (2, 64, 588)
    coords = patches.coords_gs2.reshape(-1, 2)
    used = coords[(coords >= 0).all(-1)]
    assert sorted(map(tuple, used)) == [(r, c) for r in range(6) for c in range(10)]
    assert (patches.pixels_gsp.reshape(-1, 588)[coords[:, 0] < 0] == 0).all()
    # Windows are 8 x 8 patches: the right one starts at column 8.
    assert {int(c // 8) for _, c in patches.coords_gs2[1] if c >= 0} == {1}


def test_modes_are_converted():
    spec = ImageSpec()
    grey = noise(112, 112, "L")
    np.testing.assert_array_equal(
        patchify(grey, spec).pixels_gsp, patchify(grey.convert("RGB"), spec).pixels_gsp
    )


def test_too_narrow_is_refused():
    with pytest.raises(UserError, match="too narrow"):
        target_size(10, 2100, ImageSpec())
