"""Supervised fine-tuning of a 7B model's language model and head, on one card of 80 GB.

  python -m c2l_jax.train --config configs/sft_one_gpu.py --workdir runs/sft7b \
      --config.model=Qwen2.5-VL-7B-Instruct --config.data.path=data/gameqa

Parameters are bfloat16; the vision tower, the projector and the embedding stay frozen. One row a
step, since the sum of several would be float32. docs/memory.md has the arithmetic.

Not run at full size here: tests load and check these settings, and train small models by
the same objective.
"""

from configs import sft


def get_config():
    config = sft.get_config()
    config.param_dtype = "bfloat16"
    config.optimizer.lr_scale = ((r"^vision/|^text/embedding", 0.0),)
    config.data.rows = 1
    config.data.row_targets = 1024
    config.data.row_tiles = 64
    config.logprob_chunk = 512
    return config
