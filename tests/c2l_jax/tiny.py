"""Tiny configs of each family, torch checkpoints and inputs for both implementations."""

import json
import re

import numpy as np
import torch
from ml_collections import ConfigDict
from PIL import Image
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from c2l_jax.data import layout
from c2l_jax.data.images import ImageSpec, patchify
from c2l_jax.data.positions import mrope_positions
from c2l_jax.models import family, weights
from c2l_jax.models.qwen2_5_vl.config import Config, TextConfig, VisionConfig
from c2l_jax.models.qwen3_vl import config as qwen3_config
from configs import tiny_dpo

# Several threads would wait for each other longer than these matrices take.
torch.set_num_threads(1)

VOCAB = 96
IMAGE, VIDEO, VISION_START, VISION_END = range(VOCAB - 4, VOCAB)
IMAGE_SPECS = {
    "qwen2_5_vl": ImageSpec(min_pixels=28 * 28),
    "qwen3_vl": ImageSpec(
        patch_size=16,
        tile_size=128,
        min_pixels=32 * 32,
        image_mean=(0.5, 0.5, 0.5),
        image_std=(0.5, 0.5, 0.5),
    ),
}
UNITS = 16  # merged tokens of a tile, in both families
BETA = 0.3
MODELS = {
    "qwen2_5_vl": (Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration),
    "qwen3_vl": (Qwen3VLConfig, Qwen3VLForConditionalGeneration),
}


def dpo_settings(**changed) -> ConfigDict:
    config = tiny_dpo.get_config()
    config.dpo.beta, config.dpo.truncate = BETA, "words"
    config.dpo.update(changed)
    config.logprob_chunk = 16
    return config


def config(tied: bool = True, full_blocks: tuple[int, ...] = (1,)) -> Config:
    return Config(
        TextConfig(
            vocab_size=VOCAB,
            hidden_size=64,
            intermediate_size=80,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            mrope_section=(2, 3, 3),
            bos_token_id=0,
            eos_token_id=1,
        ),
        VisionConfig(
            depth=3,
            hidden_size=32,
            intermediate_size=40,
            num_heads=2,
            out_hidden_size=64,
            fullatt_block_indexes=full_blocks,
        ),
        image_token_id=IMAGE,
        video_token_id=VIDEO,
        vision_start_token_id=VISION_START,
        vision_end_token_id=VISION_END,
        tie_word_embeddings=tied,
    )


def qwen3(tied: bool = True) -> qwen3_config.Config:
    """Heads wider than hidden_size / heads, a head dimension of the tower that is no power of two,
    and DeepStack from two blocks of four."""
    return qwen3_config.Config(
        qwen3_config.TextConfig(
            vocab_size=VOCAB,
            hidden_size=64,
            intermediate_size=80,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            mrope_section=(6, 5, 5),
            rope_theta=5e6,
            bos_token_id=0,
            eos_token_id=1,
        ),
        qwen3_config.VisionConfig(
            depth=4,
            hidden_size=48,
            intermediate_size=40,
            num_heads=4,
            out_hidden_size=64,
            deepstack_visual_indexes=(0, 2),
            num_position_embeddings=36,
        ),
        image_token_id=IMAGE,
        video_token_id=VIDEO,
        vision_start_token_id=VISION_START,
        vision_end_token_id=VISION_END,
        tie_word_embeddings=tied,
    )


def torch_model(config, seed: int = 0) -> torch.nn.Module:
    """transformers' model with parameters large enough that every one of them matters."""
    torch.manual_seed(seed)
    theirs, kind = MODELS[config.MODEL_TYPE]
    model = kind(theirs(**config.to_hf())).float().eval()
    with torch.no_grad():
        for name, param in model.named_parameters():
            if ("norm" in name or "ln_q" in name) and name.endswith("weight"):
                param.copy_(1 + 0.3 * torch.randn(param.shape))
            elif name.endswith("bias"):
                param.copy_(0.2 * torch.randn(param.shape))
            else:
                fan_in = param[0].numel()
                param.copy_(torch.randn(param.shape) * fan_in**-0.5)
    return model


def save_checkpoint(model: torch.nn.Module, directory, **options) -> None:
    """A model directory: config.json, weights and preprocessor_config.json."""
    model.save_pretrained(directory, **options)
    save_preprocessor(model.config.model_type, directory)


def save_preprocessor(family: str, directory) -> None:
    spec = IMAGE_SPECS[family]
    settings = {
        "image_mean": spec.image_mean,
        "image_std": spec.image_std,
        "patch_size": spec.patch_size,
    }
    (directory / "preprocessor_config.json").write_text(json.dumps(settings))


def sequence(parts: list, rng: np.random.Generator, family: str = "qwen2_5_vl") -> dict:
    """A sequence for both models. A part is a number of random text tokens or a picture's (h, w).

    Sizes are multiples of 28 px; another family's pictures have as many merged tokens. Returns
    tokens [n] and pictures, plus our features of an unpacked example.
    """
    spec = IMAGE_SPECS[family]
    tokens, pictures, patches = [], [], []
    for part in parts:
        if isinstance(part, int):
            tokens += list(rng.integers(2, IMAGE, part))
            continue
        size = [side // 28 * spec.patch_size * spec.merge_size for side in part]
        pictures.append(Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)))
        patches.append(patchify(pictures[-1], spec))
        tokens += [VISION_START, *[IMAGE] * len(patches[-1].slots_n), VISION_END]
    tokens = np.asarray(tokens, np.int32)
    is_image = tokens == IMAGE
    positions, _ = mrope_positions(is_image, [p.merged_hw for p in patches])
    tiles = [len(p.pixels_gsp) for p in patches]
    slots, first = np.full(len(tokens), -1, np.int32), np.cumsum([0, *tiles])[:-1] * 16
    if patches:
        slots[is_image] = np.concatenate(
            [p.slots_n + start for p, start in zip(patches, first, strict=True)]
        )
    grids = 2 * np.asarray([p.merged_hw for p in patches], np.int32).reshape(-1, 2)
    pixels = np.zeros((0, 64, 3 * spec.patch_size**2), np.uint8)
    return {
        "family": family,
        "pictures": pictures,
        "tokens": tokens,
        "branches": np.zeros(len(tokens), np.int32),
        "positions": positions,
        "image_slots": slots,
        "patches": np.concatenate([pixels, *(p.pixels_gsp for p in patches)]),
        "patch_coords": np.concatenate(
            [np.zeros((0, 64, 2), np.int32), *(p.coords_gs2 for p in patches)]
        ),
        "tile_images": np.repeat(np.arange(1, len(patches) + 1, dtype=np.int32), tiles),
        "tile_grids": np.repeat(grids, tiles, axis=0),
    }


def row(
    sequences: list[dict],
    length: int | None = None,
    tiles: int | None = None,
    family: str = "qwen2_5_vl",
) -> dict:
    """A batch of one row: the sequences one after the other, then padding."""
    nothing = sequence([], np.random.default_rng(0), family)
    totals, segments, joined = {"tokens": length, "tiles": tiles}, {}, {}
    for axis in totals:
        names = layout.on_axis(axis)
        sizes = [len(example[names[0]]) for example in sequences]
        segments[axis] = np.repeat(np.arange(1, len(sequences) + 1, dtype=np.int32), sizes)
        for name in names:
            joined[name] = np.concatenate([nothing[name], *(e[name] for e in sequences)])
    batch = {"segments": segments["tokens"], **layout.rebase(joined, segments, UNITS)}
    for name, value in batch.items():
        total = totals[layout.FEATURES[name].axis if name in layout.FEATURES else "tokens"]
        pad = 0 if total is None else total - len(value)
        padding = [(0, pad)] + [(0, 0)] * (value.ndim - 1)
        batch[name] = np.pad(value, padding, constant_values=layout.feature(name).padding)[None]
    return batch


def torch_inputs(example: dict) -> dict[str, torch.Tensor]:
    """The same sequence for transformers, its pictures through transformers' own processor."""
    tokens = torch.tensor(example["tokens"], dtype=torch.long)[None]
    inputs = {"input_ids": tokens, "mm_token_type_ids": (tokens == IMAGE).int()}
    if example["pictures"]:
        spec = IMAGE_SPECS[example["family"]]
        processor = Qwen2VLImageProcessorPil(
            do_resize=False,
            patch_size=spec.patch_size,
            image_mean=list(spec.image_mean),
            image_std=list(spec.image_std),
        )
        features = processor(example["pictures"], return_tensors="np")
        inputs["pixel_values"] = torch.tensor(features["pixel_values"])
        inputs["image_grid_thw"] = torch.tensor(features["image_grid_thw"])
    return inputs


def head(sequence: dict, length: int) -> dict:
    """The first tokens of a sequence, with all its pictures."""
    per_token = ("tokens", "branches", "positions", "image_slots")
    return {name: v[:length] if name in per_token else v for name, v in sequence.items()}


def branches(prompt: dict, responses: list[np.ndarray]) -> tuple[dict, np.ndarray]:
    """A prompt whose last token starts each response anew, and where the responses' inputs are."""
    trunk = head(prompt, len(prompt["tokens"]) - 1)
    start = int(prompt["positions"][-1, 0])
    parts = {name: [trunk[name]] for name in ("tokens", "branches", "positions", "image_slots")}
    for number, response in enumerate(responses, start=1):
        size = len(response)
        parts["tokens"].append(np.r_[prompt["tokens"][-1], response[:-1]])
        parts["branches"].append(np.full(size, number))
        parts["positions"].append(np.repeat(start + np.arange(size)[:, None], 3, axis=1))
        parts["image_slots"].append(np.full(size, -1))
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    where = np.arange(len(trunk["tokens"]), len(joined["tokens"]))
    return {**trunk, **joined}, where


def assert_tables_cover(config):
    """Every parameter has one tensor, and one line of the partition table; no line is idle."""
    of = family(config.MODEL_TYPE)
    paths = {path: param.shape for path, param in weights.abstract(config)[1].items()}
    assert sorted(paths) == sorted(path for _, path, _ in of.TENSORS)
    for path, shape in paths.items():
        specs = [spec for pattern, spec in of.PARTITION_TABLE if re.fullmatch(pattern, path)]
        assert len(specs) == 1, path
        assert len(specs[0]) <= len(shape)
    for pattern, _ in of.PARTITION_TABLE:
        assert any(re.fullmatch(pattern, path) for path in paths), pattern
