"""Qwen3-VL, dense (arXiv:2511.21631): the parts that `c2l_jax.models` lists."""

from c2l_jax.models.qwen import CHAT_TEMPLATE, END_TOKEN, IMAGE_TOKEN, SPECIAL_TOKENS, positions
from c2l_jax.models.qwen3_vl.config import Config
from c2l_jax.models.qwen3_vl.pictures import pictures
from c2l_jax.models.qwen3_vl.presets import PRESETS, preprocessor, preset_config
from c2l_jax.models.qwen3_vl.tensors import NO_DECAY, PARTITION_TABLE, RENAMES, TENSORS
from c2l_jax.models.qwen3_vl.vision import VisionTower, patch_pairs

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
