"""Model families: a folder each, chosen by the model_type in a directory's config.json.

A family is a module with
  Config            a frozen dataclass, models.config.ModelConfig or like it: MODEL_TYPE,
                    from_directory(directory), to_hf() -> the content of config.json
  VisionTower       as models.vlm.VisionLanguageModel wants it
  TENSORS           (Hugging Face tensor, our parameter, axes) of each parameter; see models.weights
  RENAMES           (how names begin in transformers' model, how in TENSORS), where that differs
  PARTITION_TABLE   (regular expression on a parameter's path, mesh axes); see sharding
  NO_DECAY          regular expression on paths of parameters that weight decay spares
  pictures          (directory) -> how pictures become patches: patch_shape, merged_per_tile,
                    size(height, width), cut(image); see data.images.ImageSpec
  positions         (is_image [n], pictures' sizes) -> positions [n, 3] and the next one
  IMAGE_TOKEN       what stands for a picture in a rendered prompt
  END_TOKEN         what ends the assistant's turn
  PRESETS, preset_config, SPECIAL_TOKENS, CHAT_TEMPLATE, preprocessor
                    small models from scratch; see init_model
  patch_pairs       (config, in tiles, in pictures) -> pairs of patches that see each other, in
                    all blocks together, if so many are in one tile, in one picture; see flops

Parameters are called text/..., head, vision/merger/... (what turns patches into tokens) and
vision/... (the rest of the tower) in every family, so that settings such as lr_scale fit all.
Another family is one more folder and a line here.
"""

import importlib
from types import ModuleType

from records.errors import UserError
from records.paths import AnyPath, anywhere, local_copy, read_json

FAMILIES = {  # model_type -> module
    "qwen2_5_vl": "c2l_jax.models.qwen2_5_vl",
    "qwen3_vl": "c2l_jax.models.qwen3_vl",
}


def family(model_type: str) -> ModuleType:
    """Raises UserError for a family that does not exist."""
    if model_type not in FAMILIES:
        raise UserError(
            f"there is no model family {model_type!r}: choose from {', '.join(sorted(FAMILIES))}."
        )
    return importlib.import_module(FAMILIES[model_type])


def family_of(directory: AnyPath | str) -> ModuleType:
    """The family of a Hugging Face directory. Raises UserError for one of another kind."""
    path = local_copy(anywhere(directory)) / "config.json"
    model_type = read_json(path).get("model_type")
    if model_type not in FAMILIES:
        raise UserError(
            f"{path} describes a {model_type!r} model: only checkpoints of "
            f"{', '.join(sorted(FAMILIES))} can be loaded."
        )
    return family(model_type)
