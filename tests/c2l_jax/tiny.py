"""Tiny Qwen2.5-VL configs, torch checkpoints and inputs for both implementations."""

import json

import numpy as np
import torch
from PIL import Image
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from c2l_jax.data.images import ImageSpec, patchify
from c2l_jax.data.positions import mrope_positions
from c2l_jax.models.qwen2_5_vl.config import Config, TextConfig, VisionConfig

# Several threads would wait for each other longer than these matrices take.
torch.set_num_threads(1)

VOCAB = 96
IMAGE, VIDEO, VISION_START, VISION_END = range(VOCAB - 4, VOCAB)
IMAGE_SPEC = ImageSpec(min_pixels=28 * 28)


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


def torch_model(config: Config, seed: int = 0) -> Qwen2_5_VLForConditionalGeneration:
    """transformers' model with parameters large enough that every one of them matters."""
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**config.to_hf())).float().eval()
    with torch.no_grad():
        for name, param in model.named_parameters():
            if "norm" in name or "ln_q" in name:
                param.copy_(1 + 0.3 * torch.randn(param.shape))
            elif name.endswith("bias"):
                param.copy_(0.2 * torch.randn(param.shape))
            else:
                fan_in = param[0].numel()
                param.copy_(torch.randn(param.shape) * fan_in**-0.5)
    return model


def save_checkpoint(model: Qwen2_5_VLForConditionalGeneration, directory, **options) -> None:
    """A model directory: config.json, weights and preprocessor_config.json."""
    model.save_pretrained(directory, **options)
    statistics = {
        "image_mean": Qwen2VLImageProcessorPil.image_mean,
        "image_std": Qwen2VLImageProcessorPil.image_std,
    }
    (directory / "preprocessor_config.json").write_text(json.dumps(statistics))


def sequence(parts: list, rng: np.random.Generator) -> dict:
    """A sequence for both models. A part is a number of random text tokens or a picture's (h, w).

    Returns input_ids [n] and pictures, plus our features of an unpacked example.
    """
    tokens, pictures, patches = [], [], []
    for part in parts:
        if isinstance(part, int):
            tokens += list(rng.integers(2, IMAGE, part))
            continue
        pictures.append(Image.fromarray(rng.integers(0, 256, (*part, 3), np.uint8)))
        patches.append(patchify(pictures[-1], IMAGE_SPEC))
        tokens += [VISION_START, *[IMAGE] * len(patches[-1].slots_n), VISION_END]
    tokens = np.asarray(tokens, np.int32)
    is_image = tokens == IMAGE
    positions, _ = mrope_positions(is_image, [p.merged_hw for p in patches])
    windows = [len(p.pixels_gsp) for p in patches]
    slots, first = np.full(len(tokens), -1, np.int32), np.cumsum([0, *windows])[:-1] * 16
    if patches:
        slots[is_image] = np.concatenate(
            [p.slots_n + start for p, start in zip(patches, first, strict=True)]
        )
    return {
        "pictures": pictures,
        "tokens": tokens,
        "branches": np.zeros(len(tokens), np.int32),
        "positions": positions,
        "image_slots": slots,
        "patches": np.concatenate(
            [np.zeros((0, 64, 588), np.uint8), *(p.pixels_gsp for p in patches)]
        ),
        "patch_coords": np.concatenate(
            [np.zeros((0, 64, 2), np.int32), *(p.coords_gs2 for p in patches)]
        ),
        "window_images": np.repeat(np.arange(1, len(patches) + 1, dtype=np.int32), windows),
    }


def row(sequences: list[dict], length: int | None = None, windows: int | None = None) -> dict:
    """A batch of one row: the sequences one after the other, then padding."""
    names = ("tokens", "branches", "positions", "image_slots")
    parts = {name: [] for name in (*names, "segments", "patches", "patch_coords", "window_images")}
    images = filled = 0
    for segment, example in enumerate(sequences, start=1):
        slots = example["image_slots"]
        for name in names:
            parts[name].append(example[name])
        parts["image_slots"][-1] = np.where(slots >= 0, slots + 16 * filled, -1)
        parts["segments"].append(np.full(len(slots), segment))
        parts["patches"].append(example["patches"])
        parts["patch_coords"].append(example["patch_coords"])
        parts["window_images"].append(example["window_images"] + images)
        images += len(example["pictures"])
        filled += len(example["window_images"])
    nothing = sequence([], np.random.default_rng(0)) | {"segments": np.zeros(0)}
    batch = {name: np.concatenate([nothing[name], *values]) for name, values in parts.items()}
    padding = {"image_slots": -1, "patch_coords": -1}
    for name, value in batch.items():
        total = windows if name in ("patches", "patch_coords", "window_images") else length
        pad = 0 if total is None else total - len(value)
        value = np.pad(
            value,
            [(0, pad)] + [(0, 0)] * (value.ndim - 1),
            constant_values=padding.get(name, 0),
        )
        batch[name] = value[None].astype(np.uint8 if name == "patches" else np.int32)
    return batch


def torch_inputs(example: dict) -> dict[str, torch.Tensor]:
    """The same sequence for transformers, its pictures through transformers' own processor."""
    tokens = torch.tensor(example["tokens"], dtype=torch.long)[None]
    inputs = {"input_ids": tokens, "mm_token_type_ids": (tokens == IMAGE).int()}
    if example["pictures"]:
        processor = Qwen2VLImageProcessorPil(do_resize=False)
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
