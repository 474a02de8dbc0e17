"""Group-relative policy optimisation with settings for a real checkpoint: today's good practice.

  python -m c2l_jax.train --config configs/grpo.py --workdir runs/grpo \
      --config.model=runs/sft/model --config.data.path=data

Questions are asked without their options, so that an answer can't be guessed and a wrong chain
isn't paid. No reference; clip higher; groups whose rewards are all alike are replaced; every token
counts alike; a response that comes near the limit pays for it. The vision tower and the projector
stay frozen. Every setting is explained in configs/forkme.py.

Not run at full size here: tests load and check these settings, and train small models by
the same objective.
"""

from configs import forkme


def get_config():
    config = forkme.get_config()
    config.objective = "grpo"
    config.data.formats.cot = 0.0
    config.data.formats.open = 1.0
    config.data.row_tokens = 4096
    config.data.row_targets = 3072
    config.data.row_tiles = 64
    config.grpo.questions = 32
    config.grpo.group = 8
    config.grpo.max_tokens = 1024
    config.grpo.prompt_tokens = 1024
    config.grpo.prompt_tiles = 32
    config.grpo.draws = 3
    config.grpo.overlong_buffer = 256
    config.optimizer.lr = 1e-6
    config.optimizer.schedule = "constant"
    config.optimizer.lr_scale = ((r"^vision/", 0.0),)
    config.evaluation.every = 50
    config.checkpoint.every = 50
    config.log_every = 1
    return config
