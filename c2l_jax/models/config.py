"""What the config.json of every family shares, and reading it."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from c2l_jax.models.decoder import DecoderConfig
from c2l_jax.models.directory import holds_both
from records.errors import UserError
from records.paths import read_json

IDS = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
# The embedding in the weights; some versions of transformers nest it.
_EMBEDDINGS = ("model.embed_tokens.weight", "model.language_model.embed_tokens.weight")
_HEAD = "lm_head.weight"


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """A vision-language model; a family's Config adds `from_directory` and `to_hf`."""

    text_config: DecoderConfig
    vision_config: object  # the family's own, with out_hidden_size
    image_token_id: int
    video_token_id: int
    vision_start_token_id: int
    vision_end_token_id: int
    tie_word_embeddings: bool = False

    def __post_init__(self):
        text = self.text_config
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
        if self.vision_config.out_hidden_size != text.hidden_size:
            raise UserError(
                f"vision out_hidden_size {self.vision_config.out_hidden_size} differs from text "
                f"hidden_size {text.hidden_size}."
            )


def read_settings(directory: Path, name: str) -> tuple[Path, dict, dict, dict]:
    """(path, all, text's, vision's settings) of a config.json; `name` is the family's, to say.

    Text fields may lie at the top level or under text_config, which wins. Raises UserError where
    there is no vision_config, and for settings of the text that no decoder here has.
    """
    path = directory / "config.json"
    settings = read_json(path)
    text = settings.get("text_config") or settings
    vision = settings.get("vision_config")
    if not vision:
        raise UserError(f"{path} has no vision_config: this is no {name} checkpoint.")
    if text.get("hidden_act", "silu") != "silu":
        raise UserError(f"{path}: hidden_act {text['hidden_act']!r} is not supported.")
    if text.get("use_sliding_window"):
        raise UserError(f"{path}: use_sliding_window is not supported; set it to false.")
    return path, settings, text, vision


def rotary(text: Mapping, path: Path) -> dict:
    """mrope_section and, where it is given, rope_theta. Raises UserError for other kinds."""
    rope = text.get("rope_scaling") or text.get("rope_parameters") or {}
    rope_type = rope.get("rope_type", rope.get("type", "default"))
    if rope_type not in ("default", "mrope") or "mrope_section" not in rope:
        raise UserError(
            f"{path}: rotary type {rope_type!r} with keys {sorted(rope)} is not supported; "
            "expected 'mrope' with mrope_section."
        )
    theta = rope.get("rope_theta") or text.get("rope_theta")
    return {"mrope_section": rope["mrope_section"]} | ({"rope_theta": theta} if theta else {})


def text_config(kind: type[DecoderConfig], text: Mapping, path: Path) -> DecoderConfig:
    """The decoder's settings; null means absent."""
    given = {name: value for name, value in text.items() if value is not None}
    heads = {"num_key_value_heads": given.get("num_attention_heads")}
    return build(kind, heads | given | rotary(text, path), path)


def is_tied(settings: Mapping, text: Mapping, directory: Path) -> bool:
    """Whether the head is the embedding.

    One that differs from the embedding is a head of its own, whatever config.json says, as in
    transformers.
    """
    tied = bool(settings.get("tie_word_embeddings") or text.get("tie_word_embeddings"))
    if tied and holds_both(directory, _EMBEDDINGS, _HEAD):
        logging.warning(
            "%s says that the head is the embedding, but the weights hold another one: it is "
            "taken as a head of its own",
            directory / "config.json",
        )
        return False
    return tied


def token_ids(settings: Mapping, path: Path, names: Sequence[str] = IDS) -> dict[str, int]:
    return {name: required(settings, name, path) for name in names}


def required(settings: Mapping, name: str, path: Path):
    if settings.get(name) is None:
        raise UserError(f"{path} lacks {name!r}, which the config of this model must give.")
    return settings[name]


def build(kind: type, settings: Mapping, path: Path):
    """A config dataclass from the settings it has fields for; lists become tuples."""
    values = {}
    for field in dataclasses.fields(kind):
        if (value := settings.get(field.name)) is not None:
            values[field.name] = tuple(value) if isinstance(value, list) else value
        elif field.default is dataclasses.MISSING:
            required(settings, field.name, path)
    return kind(**values)


def config_json(
    config: ModelConfig, architecture: str, text: dict, vision: dict, without: Sequence[str] = ()
) -> dict:
    """The content of config.json, in the layout transformers 5 writes.

    text, vision: what a family says besides its config's fields; `without`: those of the text that
    it does not say.
    """
    fields = dataclasses.asdict(config.text_config)
    rope = {
        "rope_type": "default",
        "rope_theta": fields.pop("rope_theta"),
        "mrope_section": list(fields.pop("mrope_section")),
    }
    if fields["mrope_interleaved"]:
        rope["mrope_interleaved"] = True
    for flag in ("qkv_bias", "qk_norm", "mrope_interleaved"):
        del fields[flag]
    tied = {"tie_word_embeddings": config.tie_word_embeddings}
    listed = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(config.vision_config).items()
        if not name.startswith("image_")  # these live in preprocessor_config.json
    }
    text = {"hidden_act": "silu", **tied, **fields, "rope_parameters": rope, **text}
    return {
        "architectures": [architecture],
        "model_type": config.MODEL_TYPE,
        "text_config": {name: text[name] for name in text if name not in without},
        "vision_config": {**listed, **vision},
        **{name: getattr(config, name) for name in IDS},
        **tied,
    }
