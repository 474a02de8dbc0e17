"""What `make demo` trains with, on two CPU cores: first reading, then reasoning.

`--config configs/demo_sft.py:read` learns to write down small boards, from random weights: every
token of a response is about the picture, so reading comes after two thousand examples, all of a
sudden (with 33 examples in a step instead of 14 it takes half as many again). `--config
configs/demo_sft.py:reason` goes on from there with chains of reasoning. (Both at once, or at a
learning rate of 2e-3, and the pictures stay unread for tens of thousands of examples.)
"""

from configs import tiny_sft

TASKS = {
    "read": ((r"tictactoe/.*/transcribe", 1.0),),
    "reason": (
        (r"tictactoe/.*/transcribe", 0.05),
        (r"cell_color/cot", 0.5),
        (r"tictactoe/.*/cot", 0.2),
        (r"maze/.*/cot", 0.25),
    ),
}


def get_config(stage="reason"):
    config = tiny_sft.get_config()
    config.data.formats.transcribe = 1.0
    config.data.formats.cot = 0.0 if stage == "read" else 1.0
    config.data.tasks = TASKS[stage]
    config.data.rows = 3 if stage == "read" else 12
    config.data.row_tokens = 256 if stage == "read" else 320
    config.data.row_targets = 128 if stage == "read" else 160
    config.data.row_windows = 5 if stage == "read" else 4
    config.optimizer.lr = 6e-4
    config.optimizer.warmup = 0.1
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config
