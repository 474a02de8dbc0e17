"""Preference optimisation on a CPU: a small model and small pictures, as in configs/tiny_sft.py.

  python -m c2l_jax.preferences --responses RESPONSES_DIR --out PAIRS_DIR --pairing near
  python -m c2l_jax.train --config configs/tiny_dpo.py --workdir runs/tiny_dpo \
      --config.model=MODEL_DIR --config.data.path=PAIRS_DIR

Settings as in configs/dpo.py, which says how they were chosen.
"""

from configs import tiny_sft


def get_config():
    config = tiny_sft.get_config()
    config.objective = "dpo"
    config.steps = 100
    config.data.row_targets = 384
    config.dpo.truncate = "fork"
    config.dpo.beta = 2.0
    config.optimizer.lr = 6e-5
    config.optimizer.lr_scale = ((r"^vision/", 0.0),)
    config.evaluation.every = 25
    config.evaluation.batches = 2
    config.checkpoint.every = 50
    return config
