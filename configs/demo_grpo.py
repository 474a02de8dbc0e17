"""What `make demo` does after SFT with groups of answers: GRPO on a task that the model half knows.

No solution is shown; the reward is whether the answer is right. The vision tower is trained too,
since what the model lacks is to see better.
"""

from configs import demo_sft, tiny_grpo


def get_config(stage="grpo"):
    del stage  # there is one
    config = tiny_grpo.get_config()
    config.data.tasks = ((demo_sft.HALF_KNOWN, 1.0),)
    config.data.rows = 4
    config.data.row_tokens = 640
    config.data.row_tiles = 4
    config.grpo.max_tokens = 64
    config.optimizer.lr = 2e-4
    config.optimizer.lr_scale = ()
    config.optimizer.warmup = 0.1
    config.evaluation.every = 0
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config
