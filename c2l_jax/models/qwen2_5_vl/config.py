"""Qwen2.5-VL's hyper-parameters, read from and written to a Hugging Face model directory."""

import dataclasses
from typing import ClassVar

from c2l_jax.data.images import CLIP_MEAN, CLIP_STD, ImageSpec
from c2l_jax.models import config as common
from c2l_jax.models.decoder import DecoderConfig
from records.errors import UserError
from records.paths import AnyPath, anywhere, local_copy


@dataclasses.dataclass(frozen=True)
class TextConfig(DecoderConfig):
    """A Qwen2 decoder."""

    rms_norm_eps: float = 1e-5
    qkv_bias: bool = True


@dataclasses.dataclass(frozen=True)
class VisionConfig:
    """The vision tower. `window_size` in pixels; image_mean and image_std of RGB in [0, 1]."""

    depth: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    out_hidden_size: int
    fullatt_block_indexes: tuple[int, ...]
    in_channels: int = 3
    patch_size: int = 14
    temporal_patch_size: int = 2
    spatial_merge_size: int = 2
    window_size: int = 112
    tokens_per_second: int = 4
    image_mean: tuple[float, ...] = CLIP_MEAN
    image_std: tuple[float, ...] = CLIP_STD

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads


@dataclasses.dataclass(frozen=True)
class Config(common.ModelConfig):
    MODEL_TYPE: ClassVar[str] = "qwen2_5_vl"

    def __post_init__(self):
        text, vision = self.text_config, self.vision_config
        if text.num_attention_heads * text.head_dim != text.hidden_size:
            raise UserError(
                f"text hidden_size {text.hidden_size} is no multiple of num_attention_heads "
                f"{text.num_attention_heads}."
            )
        super().__post_init__()
        if vision.hidden_size % (4 * vision.num_heads):
            raise UserError(
                f"vision hidden_size {vision.hidden_size} must be a multiple of four times "
                f"num_heads {vision.num_heads} (the rotary embedding needs it)."
            )
        if vision.window_size % (vision.patch_size * vision.spatial_merge_size):
            raise UserError(
                f"window_size {vision.window_size} is no multiple of patch_size * "
                f"spatial_merge_size = {vision.patch_size * vision.spatial_merge_size}."
            )

    @classmethod
    def from_directory(cls, directory: AnyPath | str) -> "Config":
        """Reads config.json and the picture settings of a Qwen2.5-VL directory.

        Both layouts are read: text fields at the top level (the published checkpoints) and under
        text_config (transformers 5), which wins where both are there; null means absent. Raises
        UserError for anything this model can't represent.
        """
        directory = local_copy(anywhere(directory))
        path, settings, text, vision = common.read_settings(directory, "Qwen2.5-VL")
        if vision.get("hidden_act", "silu") != "silu":
            raise UserError(f"{path}: hidden_act {vision['hidden_act']!r} is not supported.")
        spec = ImageSpec.from_directory(directory)
        statistics = {"image_mean": spec.image_mean, "image_std": spec.image_std}
        return cls(
            text_config=common.text_config(TextConfig, text, path),
            vision_config=common.build(VisionConfig, {**vision, **statistics}, path),
            tie_word_embeddings=common.is_tied(settings, text, directory),
            **common.token_ids(settings, path),
        )

    def to_hf(self) -> dict:
        """The content of config.json, in the layout transformers 5 writes."""
        return common.config_json(
            self,
            "Qwen2_5_VLForConditionalGeneration",
            {"model_type": "qwen2_5_vl_text"},
            {"model_type": "qwen2_5_vl_vision", "hidden_act": "silu"},
            without=("head_dim",),
        )
