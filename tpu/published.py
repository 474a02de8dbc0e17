"""Sizes of published models, for plans made without downloading anything: their config.json."""

import dataclasses
import json
from pathlib import Path

from c2l_jax.models import family, qwen2_5_vl, qwen3_vl
from c2l_jax.models.config import ModelConfig
from c2l_jax.models.qwen2_5_vl import config as qwen2_5_config
from c2l_jax.models.qwen3_vl import config as qwen3_config

_IDS = {
    "image_token_id": 151655,
    "video_token_id": 151656,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
}


def _qwen2_5(vocabulary, size, inner, layers, heads, kv_heads, tied) -> ModelConfig:
    text = qwen2_5_config.TextConfig(
        vocab_size=vocabulary,
        hidden_size=size,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        mrope_section=(16, 24, 24),
        rms_norm_eps=1e-6,
    )
    vision = qwen2_5_config.VisionConfig(
        depth=32,
        hidden_size=1280,
        intermediate_size=3420,
        num_heads=16,
        out_hidden_size=size,
        fullatt_block_indexes=(7, 15, 23, 31),
    )
    return qwen2_5_vl.Config(text, vision, tie_word_embeddings=tied, **_IDS)


def _qwen3(size, inner, layers, heads, kv_heads, tied) -> ModelConfig:
    text = qwen3_config.TextConfig(
        vocab_size=151936,
        hidden_size=size,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=128,
        mrope_section=(24, 20, 20),
        rope_theta=5e6,
    )
    vision = qwen3_config.VisionConfig(
        depth=27,
        hidden_size=1152,
        intermediate_size=4304,
        num_heads=16,
        out_hidden_size=size,
        deepstack_visual_indexes=(8, 16, 24),
    )
    return qwen3_vl.Config(text, vision, tie_word_embeddings=tied, **_IDS)


MODELS = {
    "Qwen2.5-VL-3B": _qwen2_5(151936, 2048, 11008, 36, 16, 2, tied=True),
    "Qwen2.5-VL-7B": _qwen2_5(152064, 3584, 18944, 28, 28, 4, tied=False),
    "Qwen3-VL-8B": _qwen3(4096, 12288, 36, 32, 8, tied=False),
}


def write(config: ModelConfig, directory: Path, layers: int = 0, blocks: int = 0) -> Path:
    """config.json and preprocessor_config.json of a model; layers, blocks: cut to so many."""
    text, vision = config.text_config, config.vision_config
    if layers:
        text = dataclasses.replace(text, num_hidden_layers=layers)
    if blocks:
        vision = dataclasses.replace(vision, depth=blocks)
    config = dataclasses.replace(config, text_config=text, vision_config=vision)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config.to_hf()))
    settings = family(config.MODEL_TYPE).preprocessor(config)
    (directory / "preprocessor_config.json").write_text(json.dumps(settings))
    return directory
