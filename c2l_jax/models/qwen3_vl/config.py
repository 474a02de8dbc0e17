"""Qwen3-VL's hyper-parameters, read from and written to a Hugging Face model directory."""

import dataclasses
from typing import ClassVar

from c2l_jax.models import config as common
from c2l_jax.models.decoder import DecoderConfig
from c2l_jax.models.qwen3_vl.pictures import pictures
from records.errors import UserError
from records.paths import AnyPath, anywhere, local_copy

_HALF = (0.5, 0.5, 0.5)


@dataclasses.dataclass(frozen=True)
class TextConfig(DecoderConfig):
    """A Qwen3 decoder."""

    rope_theta: float = 500_000.0  # where config.json has none; the published ones have 5e6
    qk_norm: bool = True
    mrope_interleaved: bool = True


@dataclasses.dataclass(frozen=True)
class VisionConfig:
    """The vision tower; image_mean and image_std of RGB in [0, 1].

    num_position_embeddings: of a square table, interpolated to each picture's patches.
    deepstack_visual_indexes: blocks whose outputs go to the first layers of the decoder.
    """

    depth: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    out_hidden_size: int
    deepstack_visual_indexes: tuple[int, ...]
    num_position_embeddings: int = 2304
    in_channels: int = 3
    patch_size: int = 16
    temporal_patch_size: int = 2
    spatial_merge_size: int = 2
    image_mean: tuple[float, ...] = _HALF
    image_std: tuple[float, ...] = _HALF

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads

    @property
    def table_side(self) -> int:
        return round(self.num_position_embeddings**0.5)


@dataclasses.dataclass(frozen=True)
class Config(common.ModelConfig):
    MODEL_TYPE: ClassVar[str] = "qwen3_vl"

    def __post_init__(self):
        super().__post_init__()
        text, vision = self.text_config, self.vision_config
        if vision.hidden_size % (4 * vision.num_heads):
            raise UserError(
                f"vision hidden_size {vision.hidden_size} must be a multiple of four times "
                f"num_heads {vision.num_heads} (the rotary embedding needs it)."
            )
        if vision.table_side**2 != vision.num_position_embeddings:
            raise UserError(
                f"num_position_embeddings {vision.num_position_embeddings} is no square."
            )
        deep = vision.deepstack_visual_indexes
        if list(deep) != sorted({i for i in deep if 0 <= i < vision.depth}):
            raise UserError(
                f"deepstack_visual_indexes {list(deep)} must rise within the {vision.depth} blocks."
            )
        if len(deep) > text.num_hidden_layers:
            raise UserError(
                f"deepstack_visual_indexes has {len(deep)} entries for {text.num_hidden_layers} "
                "layers."
            )

    @classmethod
    def from_directory(cls, directory: AnyPath | str) -> "Config":
        """Reads config.json and the picture settings of a dense Qwen3-VL directory.

        null means absent. Raises UserError for anything this model can't represent.
        """
        directory = local_copy(anywhere(directory))
        path, settings, text, vision = common.read_settings(directory, "Qwen3-VL")
        if text.get("attention_bias"):
            raise UserError(f"{path}: attention_bias is not supported; Qwen3 has none.")
        activation = vision.get("hidden_act", "gelu_pytorch_tanh")
        if activation != "gelu_pytorch_tanh":
            raise UserError(f"{path}: the vision tower's hidden_act {activation!r} is unknown.")
        spec = pictures(directory)
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
            "Qwen3VLForConditionalGeneration",
            {"model_type": "qwen3_vl_text", "attention_bias": False},
            {"model_type": "qwen3_vl_vision", "hidden_act": "gelu_pytorch_tanh"},
        )
