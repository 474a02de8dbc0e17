"""Preference optimisation on pairs of responses, with settings for a real checkpoint.

  python -m c2l_jax.sample --model runs/sft --data data --split train --n 32 --out runs/responses
  python -m c2l_jax.preferences --responses runs/responses --out runs/pairs
  python -m c2l_jax.train --config configs/dpo.py --workdir runs/dpo \
      --config.model=runs/sft/model --config.data.path=runs/pairs

Every setting is explained in configs/forkme.py. The vision tower and the projector stay frozen.
With the 7B model this fits a v6e-16 at one row a chip (docs/plan.md).
"""

from configs import forkme


def get_config():
    config = forkme.get_config()
    config.objective = "dpo"
    config.data.rows = 16
    config.data.row_tokens = 4096
    config.data.row_targets = 2048
    config.data.row_tiles = 128
    config.optimizer.lr = 5e-7
    config.optimizer.lr_scale = ((r"^vision/", 0.0),)
    config.evaluation.every = 100
    return config
