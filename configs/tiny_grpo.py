"""Group-relative policy optimisation on a CPU: a small model that can answer, small pictures.

  python -m c2l_jax.train --config configs/tiny_grpo.py --workdir runs/tiny_grpo \
      --config.model=runs/tiny/model --config.data.path=small
"""

from configs import tiny_sft


def get_config():
    config = tiny_sft.get_config()
    config.objective = "grpo"
    config.steps = 50
    config.data.formats.update({"cot": 0.0, "open": 1.0, "transcribe": 0.0})
    config.data.row_targets = 384
    config.grpo.questions = 16
    config.grpo.max_tokens = 128
    config.grpo.draws = 2
    config.optimizer.lr = 4e-5
    config.optimizer.schedule = "constant"
    config.optimizer.lr_scale = ((r"^vision/", 0.0),)
    config.evaluation.every = 10
    config.evaluation.batches = 4
    config.checkpoint.every = 25
    config.log_every = 1
    return config
