"""Small Qwen2.5-VL models from scratch."""

import functools

from c2l_jax.models import qwen
from c2l_jax.models.qwen2_5_vl.config import Config, TextConfig, VisionConfig

# name -> size of the vocabulary and the fields of both configs that aren't the tokenizer's to say.
PRESETS = {
    "nano": {  # 0.3 M parameters, for tests: learns nothing, compiles in seconds
        "vocab_size": 640,
        "text": {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "mrope_section": (2, 3, 3),
            "max_position_embeddings": 4096,
        },
        "vision": {
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 64,
            "fullatt_block_indexes": (1,),
        },
    },
    "tiny": {  # 2.4 M parameters: learns to read boards of 112 px on two cores in minutes
        "vocab_size": 2048,
        "text": {
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 3,
            # Few and wide heads: on a CPU attention costs what its scores cost.
            "num_attention_heads": 3,
            "num_key_value_heads": 1,
            # Small grids and short texts: higher frequencies, most of them for rows and columns.
            "rope_theta": 100.0,
            "mrope_section": (2, 15, 15),
            "max_position_embeddings": 4096,
        },
        "vision": {
            "depth": 2,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_heads": 2,
            "out_hidden_size": 192,
            "fullatt_block_indexes": (1,),
        },
    },
}


preset_config = functools.partial(qwen.preset_config, Config, TextConfig, VisionConfig)


def preprocessor(config: Config) -> dict:
    return qwen.preprocessor(config, 4, 16384) | {"processor_class": "Qwen2_5_VLProcessor"}
