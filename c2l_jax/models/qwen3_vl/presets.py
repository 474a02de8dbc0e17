"""Small Qwen3-VL models from scratch, as large as the presets of Qwen2.5-VL."""

import functools

from c2l_jax.models import qwen
from c2l_jax.models.qwen3_vl.config import Config, TextConfig, VisionConfig

# name -> size of the vocabulary and the fields of both configs that aren't the tokenizer's to say.
PRESETS = {
    "nano": {  # for tests: learns nothing, compiles in seconds
        "vocab_size": 640,
        "text": {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "mrope_section": (4, 2, 2),
            "max_position_embeddings": 4096,
        },
        "vision": {
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 64,
            "deepstack_visual_indexes": (0,),
            "num_position_embeddings": 64,
        },
    },
    "tiny": {  # learns to read boards of 112 px on two cores in minutes
        "vocab_size": 2048,
        "text": {
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "num_key_value_heads": 1,
            "head_dim": 64,
            "rope_theta": 100.0,  # small grids and short texts: higher frequencies
            "mrope_section": (12, 10, 10),
            "max_position_embeddings": 4096,
        },
        "vision": {
            "depth": 2,
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_heads": 2,
            "out_hidden_size": 192,
            "deepstack_visual_indexes": (0,),
            "num_position_embeddings": 256,
        },
    },
}


preset_config = functools.partial(qwen.preset_config, Config, TextConfig, VisionConfig)


def preprocessor(config: Config) -> dict:
    return qwen.preprocessor(config, 4, 16384) | {"processor_class": "Qwen3VLProcessor"}
