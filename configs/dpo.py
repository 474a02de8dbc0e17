"""Preference optimisation on pairs of responses, with settings for a real checkpoint.

  python -m c2l_jax.sample --model runs/sft --data data --split train --n 32 --out runs/responses
  python -m c2l_jax.preferences --responses runs/responses --out runs/pairs --pairing near
  python -m c2l_jax.train --config configs/dpo.py --workdir runs/dpo \
      --config.model=runs/sft/model --config.data.path=runs/pairs

Every setting is explained in configs/forkme.py. Pairs that differ little are scored where they
part, with a beta for so few tokens. That was chosen with a model as small as the demo's (59 % right
of 600 questions of two tasks, on which the settings were compared, too): at a rate of 6e-5 pairs
alone gained 2.7, 3.2 and 3.8 points with three seeds of training, each more than chance, and the
likelihood of the right responses alone (`preferences --rft`) 3.7, 4.3 and 3.2, which is what to
compare with. At 2e-4 two of the seeds lost instead, and whole chains with a beta of 0.1 lost 19
points. At the size that this file is for nothing was measured; the rate is that of
configs/llava_reasoner_dpo.py, which has a paper's settings.

The vision tower and the projector stay frozen. With the 7B model this fits a v6e-16 at one row a
chip (docs/plan.md).
"""

from configs import forkme


def get_config():
    config = forkme.get_config()
    config.objective = "dpo"
    config.data.rows = 16
    config.data.row_tokens = 4096
    config.data.row_targets = 2048
    config.data.row_tiles = 128
    config.dpo.truncate = "fork"
    config.dpo.beta = 2.0
    config.optimizer.lr = 5e-7
    config.optimizer.lr_scale = ((r"^vision/", 0.0),)
    config.evaluation.every = 100
    return config
