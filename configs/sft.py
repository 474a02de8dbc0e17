"""Supervised fine-tuning on chains of reasoning, with settings for a real checkpoint.

  python -m c2l_jax.train --config configs/sft.py --workdir runs/sft \
      --config.model=Qwen2.5-VL-3B-Instruct --config.data.path=data/gameqa

Every setting is explained in configs/forkme.py. Learning rates as in LLaVA-Reasoner
(arXiv 2410.16198): 5e-6 for language model and projector, a tenth of it for the vision tower. With
the 3B model this fits a v5litepod-16 at two rows a chip (docs/plan.md).

Not run at full size here: tests load and check these settings, and train small models by
the same objective.
"""

from configs import forkme


def get_config():
    config = forkme.get_config()
    config.data.rows = 32
    config.data.row_tokens = 4096
    config.data.row_targets = 2048
    config.data.row_tiles = 128
    config.optimizer.lr_scale = ((r"^vision/(?!merger)", 0.1),)
    return config
