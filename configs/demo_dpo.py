"""What `make demo` does after SFT with pairs of the model's own responses, and with solutions.

`--config configs/demo_dpo.py:dpo` learns from near pairs, at their forks. `--config
configs/demo_dpo.py:more_sft` is what it and configs/demo_grpo.py are compared with: as many steps
on the game's own solutions of the same task. All train the vision tower too, since what the model
lacks is to see better.
"""

from configs import demo_sft, tiny_dpo, tiny_sft


def get_config(stage="dpo"):
    if stage == "dpo":
        config = tiny_dpo.get_config()
        config.optimizer.lr = 1e-4
        config.optimizer.lr_scale = ()
        config.evaluation.every = 25
    else:
        config = tiny_sft.get_config()
        config.data.formats.update({"cot": 0.0, "transcribe": 0.0, demo_sft.FORMAT: 1.0})
        config.data.tasks = ((demo_sft.HALF_KNOWN, 1.0),)
        config.optimizer.lr = 2e-4
    config.data.rows = 10
    config.data.row_tokens = 512
    config.data.row_targets = 320
    config.data.row_tiles = 4
    config.optimizer.warmup = 0.1
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    config.log_every = 5
    return config
