"""Qwen2.5-VL's hyper-parameters, read from and written to a Hugging Face model directory."""

import dataclasses
import logging
from pathlib import Path

from c2l_jax.data.images import CLIP_MEAN, CLIP_STD, ImageSpec
from c2l_jax.errors import UserError
from c2l_jax.models.directory import holds_both
from c2l_jax.paths import AnyPath, anywhere, local_copy, read_json

MODEL_TYPE = "qwen2_5_vl"
# The embedding and the head in the weights; some versions of transformers nest the former.
_EMBEDDINGS = ("model.embed_tokens.weight", "model.language_model.embed_tokens.weight")
_HEAD = "lm_head.weight"


@dataclasses.dataclass(frozen=True)
class TextConfig:
    """The language model. `mrope_section` counts rotary frequencies (half a head in all)."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    mrope_section: tuple[int, int, int]
    rope_theta: float = 1_000_000.0
    rms_norm_eps: float = 1e-5
    max_position_embeddings: int = 32_768
    bos_token_id: int | None = None
    eos_token_id: int | tuple[int, ...] | None = None

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads


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
class Config:
    text_config: TextConfig
    vision_config: VisionConfig
    image_token_id: int
    video_token_id: int
    vision_start_token_id: int
    vision_end_token_id: int
    tie_word_embeddings: bool = False

    def __post_init__(self):
        text, vision = self.text_config, self.vision_config
        if text.num_attention_heads * text.head_dim != text.hidden_size:
            raise UserError(
                f"text hidden_size {text.hidden_size} is no multiple of num_attention_heads "
                f"{text.num_attention_heads}."
            )
        if text.num_attention_heads % text.num_key_value_heads:
            raise UserError(
                f"num_attention_heads {text.num_attention_heads} is no multiple of "
                f"num_key_value_heads {text.num_key_value_heads}."
            )
        if 2 * sum(text.mrope_section) != text.head_dim:
            raise UserError(
                f"mrope_section {list(text.mrope_section)} must sum to half the head dimension "
                f"{text.head_dim}."
            )
        if vision.hidden_size % (4 * vision.num_heads):
            raise UserError(
                f"vision hidden_size {vision.hidden_size} must be a multiple of four times "
                f"num_heads {vision.num_heads} (the rotary embedding needs it)."
            )
        if vision.out_hidden_size != text.hidden_size:
            raise UserError(
                f"vision out_hidden_size {vision.out_hidden_size} differs from text hidden_size "
                f"{text.hidden_size}."
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
        text_config (transformers 5), which wins where both are there; null means absent. A head
        that differs from the embedding is one of its own, whatever config.json says, as in
        transformers. Raises UserError for anything this model can't represent.
        """
        directory = local_copy(anywhere(directory))
        path = directory / "config.json"
        settings = read_json(path)
        if settings.get("model_type") != MODEL_TYPE:
            raise UserError(
                f"{path} describes a {settings.get('model_type')!r} model: only {MODEL_TYPE!r} "
                "checkpoints can be loaded."
            )
        text = settings.get("text_config") or settings
        vision = settings.get("vision_config")
        if not vision:
            raise UserError(f"{path} has no vision_config: this is no Qwen2.5-VL checkpoint.")
        for part in (text, vision):
            if part.get("hidden_act", "silu") != "silu":
                raise UserError(f"{path}: hidden_act {part['hidden_act']!r} is not supported.")
        if text.get("use_sliding_window"):
            raise UserError(f"{path}: use_sliding_window is not supported; set it to false.")
        rope = text.get("rope_scaling") or text.get("rope_parameters") or {}
        rope_type = rope.get("rope_type", rope.get("type", "default"))
        if rope_type not in ("default", "mrope") or "mrope_section" not in rope:
            raise UserError(
                f"{path}: rotary type {rope_type!r} with keys {sorted(rope)} is not supported; "
                "expected 'mrope' with mrope_section."
            )
        theta = rope.get("rope_theta") or text.get("rope_theta") or TextConfig.rope_theta
        spec = ImageSpec.from_directory(directory)
        statistics = {"image_mean": spec.image_mean, "image_std": spec.image_std}
        ids = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
        tied = bool(settings.get("tie_word_embeddings") or text.get("tie_word_embeddings"))
        if tied and holds_both(directory, _EMBEDDINGS, _HEAD):
            logging.warning(
                "%s says that the head is the embedding, but the weights hold another one: it is "
                "taken as a head of its own",
                path,
            )
            tied = False
        return cls(
            text_config=_build(
                TextConfig,
                {
                    "num_key_value_heads": text.get("num_attention_heads"),
                    **{name: value for name, value in text.items() if value is not None},
                    "mrope_section": rope["mrope_section"],
                    "rope_theta": theta,
                },
                path,
            ),
            vision_config=_build(VisionConfig, {**vision, **statistics}, path),
            tie_word_embeddings=tied,
            **{name: _required(settings, name, path) for name in ids},
        )

    def to_hf(self) -> dict:
        """The content of config.json, in the layout transformers 5 writes."""
        text = dataclasses.asdict(self.text_config)
        text["rope_parameters"] = {
            "rope_type": "default",
            "rope_theta": text.pop("rope_theta"),
            "mrope_section": list(text.pop("mrope_section")),
        }
        vision = dataclasses.asdict(self.vision_config)
        del vision["image_mean"], vision["image_std"]  # these live in preprocessor_config.json
        vision["fullatt_block_indexes"] = list(vision["fullatt_block_indexes"])
        common = {"hidden_act": "silu"}
        return {
            "architectures": ["Qwen2_5_VLForConditionalGeneration"],
            "model_type": MODEL_TYPE,
            "text_config": {
                "model_type": "qwen2_5_vl_text",
                "tie_word_embeddings": self.tie_word_embeddings,
                **common,
                **text,
            },
            "vision_config": {"model_type": "qwen2_5_vl_vision", **common, **vision},
            "image_token_id": self.image_token_id,
            "video_token_id": self.video_token_id,
            "vision_start_token_id": self.vision_start_token_id,
            "vision_end_token_id": self.vision_end_token_id,
            "tie_word_embeddings": self.tie_word_embeddings,
        }


def _required(settings: dict, name: str, path: Path):
    if settings.get(name) is None:
        raise UserError(f"{path} lacks {name!r}, which a Qwen2.5-VL config must give.")
    return settings[name]


def _build(kind: type, settings: dict, path: Path):
    """A config dataclass from the settings it has fields for; lists become tuples."""
    values = {}
    for field in dataclasses.fields(kind):
        if (value := settings.get(field.name)) is not None:
            values[field.name] = tuple(value) if isinstance(value, list) else value
        elif field.default is dataclasses.MISSING:
            _required(settings, field.name, path)
    return kind(**values)
