"""What `make demo` trains with, on two CPU cores: first reading, then reasoning.

`--config configs/demo_sft.py:read` learns to write down the position that a picture shows, from
random weights: every token of a response is about the picture, so reading comes in a few thousand
examples. `--config configs/demo_sft.py:reason` goes on from there with chains of reasoning; most of
them ask what is where, in few tokens.
"""

from configs import tiny_sft

TASKS = {
    "read": (
        (r"tictactoe/.*/transcribe", 0.5),
        (r"maze/.*/transcribe", 0.5),
    ),
    "reason": (
        (r"transcribe", 0.05),
        (r"cell_color/cot", 0.25),
        (r"(player|goal)_position/cot", 0.45),
        (r"/cot", 0.25),
    ),
}


def get_config(stage="reason"):
    config = tiny_sft.get_config()
    config.data.formats.transcribe = 1.0
    config.data.tasks = TASKS[stage]
    config.data.rows = 12
    config.data.row_tokens = 320
    config.data.row_windows = 5
    config.optimizer.lr = 8e-4
    config.optimizer.warmup = 0.05
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config
