"""Qwen2.5-VL (arXiv:2502.13923): the parts that `c2l_jax.models` lists."""

from c2l_jax.data.images import ImageSpec
from c2l_jax.models.qwen import CHAT_TEMPLATE, END_TOKEN, IMAGE_TOKEN, SPECIAL_TOKENS, positions
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.models.qwen2_5_vl.presets import PRESETS, preprocessor, preset_config
from c2l_jax.models.qwen2_5_vl.tensors import NO_DECAY, PARTITION_TABLE, RENAMES, TENSORS
from c2l_jax.models.qwen2_5_vl.vision import VisionTower, patch_pairs

__all__ = [
    "CHAT_TEMPLATE",
    "END_TOKEN",
    "IMAGE_TOKEN",
    "NO_DECAY",
    "PARTITION_TABLE",
    "PRESETS",
    "RENAMES",
    "SPECIAL_TOKENS",
    "TENSORS",
    "Config",
    "VisionTower",
    "patch_pairs",
    "pictures",
    "positions",
    "preprocessor",
    "preset_config",
]

pictures = ImageSpec.from_directory
