"""Our patches against transformers' image processor, to the last bit of its uint8 stage."""

import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from c2l_jax.data.images import ImageSpec, patchify, target_size
from records.errors import UserError

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

    # Undo the tile order: merged token -> its tile and unit -> its 2 x 2 patches.
    units = ours.pixels_gsp.reshape(-1, 4, 3, 14, 14)[ours.slots_n].reshape(-1, 3, 14, 14)
    mean, std = np.asarray(processor.image_mean), np.asarray(processor.image_std)
    pixels = (units / 255.0 - mean[:, None, None]) / std[:, None, None]
    pixels = np.repeat(pixels[:, :, None], 2, axis=2).reshape(len(pixels), -1)
    np.testing.assert_allclose(pixels, theirs["pixel_values"], atol=1e-5)


def test_coordinates_mark_every_patch_once_and_empty_slots():
    patches = patchify(noise(140, 84), ImageSpec())  # 6 x 10 patches in 1 x 2 tiles
    assert patches.pixels_gsp.shape == (2, 64, 588)
    coords = patches.coords_gs2.reshape(-1, 2)
    used = coords[(coords >= 0).all(-1)]
    assert sorted(map(tuple, used)) == [(r, c) for r in range(6) for c in range(10)]
    assert (patches.pixels_gsp.reshape(-1, 588)[coords[:, 0] < 0] == 0).all()
    # Tiles are 8 x 8 patches: the right one starts at column 8.
    assert {int(c // 8) for _, c in patches.coords_gs2[1] if c >= 0} == {1}


def test_too_narrow_is_refused():
    target_size(10, 2000, ImageSpec())
    with pytest.raises(UserError, match="too narrow with 2001 x 10 px"):
        target_size(10, 2001, ImageSpec())


# ------------------------------------------------------------------- settings in a directory


WHOLE = json.loads(Qwen2VLImageProcessorPil().to_json_string())
PIXELS = noise(300, 420)


def model(directory, settings, nested=None, vision=()) -> Path:
    """A directory with preprocessor_config.json, processor_config.json or both."""
    kept = {
        "config.json": {"vision_config": dict(vision)},
        "preprocessor_config.json": settings,
        "processor_config.json": None if nested is None else {"image_processor": nested},
    }
    for name, content in kept.items():
        if content is not None:
            (directory / name).write_text(json.dumps(content))
    return directory


def same_as_transformers(directory: Path, theirs: Qwen2VLImageProcessorPil):
    """Our patches of a picture, normalised, are those of an image processor of transformers."""
    spec = ImageSpec.from_directory(directory)
    expected = theirs(images=[PIXELS], return_tensors="np")["pixel_values"]
    patches = patchify(PIXELS, spec)
    units = patches.pixels_gsp.reshape(-1, 4, 3, 196)[patches.slots_n].reshape(-1, 3, 196)
    mean, std = (np.asarray(v)[:, None] for v in (spec.image_mean, spec.image_std))
    ours = np.repeat(((units / 255 - mean) / std)[:, :, None], 2, axis=2).reshape(len(units), -1)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        WHOLE,
        {"min_pixels": 112 * 112, "max_pixels": 200 * 200},
        {"size": {"shortest_edge": 112 * 112, "longest_edge": 200 * 200}},
        {"size": {"shortest_edge": 3136, "longest_edge": 9999}, "max_pixels": 200 * 200},
        {"size": {"min_pixels": 3136, "max_pixels": 9999}, "min_pixels": 4000, "max_pixels": 8000},
        {"size": None, "min_pixels": None, "max_pixels": 200 * 200},
        {"resample": 2, "max_pixels": 200 * 200},
        {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.6, 0.7]},
        {"image_mean": 0.5, "image_std": 0.25},
        {"image_mean": None, "image_std": None, "patch_size": None, "merge_size": None},
        {"rescale_factor": 1 / 127.5, "image_mean": [1, 1, 1], "image_std": [1, 1, 1]},
        {"do_normalize": False},
        {"do_rescale": False},
        {"do_rescale": False, "do_normalize": False},
        {"do_convert_rgb": False},
        {"image_processor_type": "Qwen2VLImageProcessorFast"},
    ],
)
def test_settings_are_those_of_transformers(settings, tmp_path):
    given = {k: copy.deepcopy(v) for k, v in settings.items() if v is not None}
    theirs = Qwen2VLImageProcessorPil(**given)
    same_as_transformers(model(tmp_path, settings), theirs)
    (tmp_path / "preprocessor_config.json").unlink()
    same_as_transformers(model(tmp_path, None, nested=settings), theirs)


def test_which_file_wins(tmp_path):
    """What the directory is to transformers, whichever of the two files are there."""
    little, much = {"max_pixels": 112 * 112}, {"max_pixels": 336 * 336}
    model(tmp_path, little, nested=much)
    same_as_transformers(tmp_path, Qwen2VLImageProcessorPil.from_pretrained(tmp_path))
    assert ImageSpec.from_directory(tmp_path).max_pixels == 336 * 336
    (tmp_path / "processor_config.json").write_text('{"processor_class": "Qwen2_5_VLProcessor"}')
    same_as_transformers(tmp_path, Qwen2VLImageProcessorPil.from_pretrained(tmp_path))
    assert ImageSpec.from_directory(tmp_path).max_pixels == 112 * 112


@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({"size": {"min_pixels": 4000, "max_pixels": 8000}}, (4000, 8000)),
        ({"size": {"shortest_edge": 4000, "longest_edge": None}}, (4000, 28 * 28 * 1280)),
        ({"size": {"longest_edge": 8000, "height": None}}, (56 * 56, 8000)),
        ({"size": {"shortest_edge": None, "longest_edge": None}}, (56 * 56, 28 * 28 * 1280)),
        ({"min_pixels": None, "max_pixels": None, "do_resize": None}, (56 * 56, 28 * 28 * 1280)),
    ],
)
def test_limits_that_transformers_refuses_have_its_defaults(settings, limits, tmp_path):
    spec = ImageSpec.from_directory(model(tmp_path, settings))
    assert (spec.min_pixels, spec.max_pixels) == limits
    assert patchify(noise(56, 56), spec).merged_hw == ((2, 2) if limits[0] == 3136 else (3, 3))


def test_null_limits_leave_a_small_picture_its_four_tokens(tmp_path):
    spec = ImageSpec.from_directory(model(tmp_path, {"min_pixels": None, "max_pixels": None}))
    assert len(patchify(noise(56, 56), spec).slots_n) == 4


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"do_resize": False}, "do_resize is false"),
        ({"size": 448}, "size is 448"),
        ({"size": {"height": 448, "width": 448}}, "no fixed size"),
        ({"max_pixels": 0}, "max_pixels is 0, not a positive"),
        ({"min_pixels": "3136"}, "min_pixels is '3136'"),
        ({"patch_size": 16}, "patch_size is 16, but the model's patch_size is 14"),
        ({"merge_size": 4}, "merge_size is 4, but the model's spatial_merge_size is 2"),
        ({"temporal_patch_size": 1}, "temporal_patch_size is 1"),
        ({"resample": 9}, "resample 9 is no number"),
        ({"image_mean": [0.5, 0.5]}, "image_mean [0.5, 0.5]"),
        ({"image_std": [0.5, 0.5, 0]}, "image_std [0.5, 0.5, 0]"),
        ({"image_std": "half"}, "image_std 'half'"),
        ({"rescale_factor": 0}, "rescale_factor 0"),
        ({"image_processor_type": "CLIPImageProcessor"}, "'CLIPImageProcessor' is not"),
    ],
)
def test_what_cannot_be_honoured_is_told_with_its_file(settings, sentence, tmp_path):
    for at, nested in ((0, None), (1, settings)):
        (directory := tmp_path / str(at)).mkdir()
        model(directory, None if nested else settings, nested)
        name = "processor_config.json" if nested else "preprocessor_config.json"
        with pytest.raises(UserError, match=re.escape(sentence)) as told:
            ImageSpec.from_directory(directory)
        assert str(told.value).startswith(f"{directory / name}: ")


def test_the_model_decides_about_patches(tmp_path):
    vision = {"patch_size": 16, "window_size": 128}
    spec = ImageSpec.from_directory(model(tmp_path, {"patch_size": 16}, vision=vision))
    assert (spec.patch_size, spec.tile_size) == (16, 128)
    with pytest.raises(UserError, match="patch_size is 14, but the model's patch_size is 16"):
        ImageSpec.from_directory(model(tmp_path, {}, vision=vision))


@pytest.mark.parametrize("content", ["", '{"size": {', "[]"])
@pytest.mark.parametrize(
    "name", ["config.json", "preprocessor_config.json", "processor_config.json"]
)
def test_damaged_files_are_named(name, content, tmp_path):
    (model(tmp_path, WHOLE) / name).write_text(content)
    with pytest.raises(UserError, match=re.escape(str(tmp_path / name))):
        ImageSpec.from_directory(tmp_path)


def test_missing_settings_are_named(tmp_path):
    with pytest.raises(UserError, match=r"preprocessor_config.json is missing"):
        ImageSpec.from_directory(model(tmp_path, None))
    with pytest.raises(UserError, match="image_processor is no JSON object"):
        ImageSpec.from_directory(model(tmp_path, WHOLE, nested=[1]))
