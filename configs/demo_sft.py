"""What `make demo` trains with, on two CPU cores: first reading, then reasoning.

`--config configs/demo_sft.py:read` learns to write down small boards, from random weights: every
token of a response is about the picture, so reading comes in a few thousand examples, all of a
sudden. `--config configs/demo_sft.py:reason` goes on from there with chains of reasoning, most of
them about what is where, in few tokens. (Both at once, or at a learning rate of 2e-3, and the
pictures stay unread for tens of thousands of examples.)
"""

from configs import tiny_sft

TASKS = {
    "read": ((r"tictactoe/.*/transcribe", 1.0),),
    "reason": (
        (r"tictactoe/.*/transcribe", 0.05),
        (r"cell_color/cot", 0.4),
        (r"(player|goal)_position/cot", 0.3),
        (r"/cot", 0.25),
    ),
}


def get_config(stage="reason"):
    config = tiny_sft.get_config()
    config.data.formats.transcribe = 1.0
    config.data.tasks = TASKS[stage]
    config.data.rows = 12
    config.data.row_tokens = 320
    config.data.row_targets = 160
    config.data.row_windows = 4
    if stage == "read":
        config.data.formats.cot = 0.0
        config.data.rows = 8
        config.data.row_tokens = 256
        config.data.row_targets = 128
        config.data.row_windows = 5
    config.optimizer.lr = 6e-4
    config.optimizer.warmup = 0.1
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config
