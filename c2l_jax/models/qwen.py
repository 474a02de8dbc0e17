"""What Qwen's vision-language models share: the marks of a prompt, and pictures' settings."""

from c2l_jax.data.positions import mrope_positions
from c2l_jax.models.config import ModelConfig
from c2l_jax.models.decoder import DecoderConfig

IMAGE_TOKEN, END_TOKEN = "<|image_pad|>", "<|im_end|>"

SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]

# Same output as the published templates, but a conversation without a system message gets none.
CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{- "<|im_start|>" + message.role + "\\n" -}}
{%- if message.content is string -%}
{{- message.content -}}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == "image" -%}
{{- "<|vision_start|><|image_pad|><|vision_end|>" -}}
{%- elif part.type == "text" -%}
{{- part.text -}}
{%- else -%}
{{- raise_exception("a message part must be of type image or text, not " ~ part.type) -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{- "<|im_end|>\\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- "<|im_start|>assistant\\n" -}}
{%- endif -%}
"""

positions = mrope_positions


def preset_config(
    config: type[ModelConfig],
    text: type[DecoderConfig],
    vision: type,
    preset: dict,
    vocab_size: int,
    tokens: dict[str, int],
) -> ModelConfig:
    """The config of a preset of the family with these classes, for a tokeniser's special tokens."""
    return config(
        text(
            vocab_size=vocab_size,
            rms_norm_eps=1e-6,  # as the published models have it
            bos_token_id=tokens["<|endoftext|>"],
            eos_token_id=tokens["<|im_end|>"],
            **preset["text"],
        ),
        vision(**preset["vision"]),
        image_token_id=tokens["<|image_pad|>"],
        video_token_id=tokens["<|video_pad|>"],
        vision_start_token_id=tokens["<|vision_start|>"],
        vision_end_token_id=tokens["<|vision_end|>"],
        tie_word_embeddings=True,
    )


def preprocessor(config: ModelConfig, least: int, most: int) -> dict:
    """The content of preprocessor_config.json; least and most merged tokens of a picture."""
    vision = config.vision_config
    area = (vision.patch_size * vision.spatial_merge_size) ** 2
    return {
        "image_processor_type": "Qwen2VLImageProcessor",
        "min_pixels": least * area,
        "max_pixels": most * area,
        "patch_size": vision.patch_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "merge_size": vision.spatial_merge_size,
        "image_mean": vision.image_mean,
        "image_std": vision.image_std,
    }
