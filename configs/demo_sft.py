"""What `make demo` trains with, on two CPU cores, from random weights: reading, then reasoning.

`--config configs/demo_sft.py:read` learns to read pictures, all under one prompt and boards of one
size: that way reading comes after a few thousand examples, all of a sudden. (With questions in the
prompt, with mazes of all sizes or at a learning rate of 2e-3 it takes many times as long.)
`--config configs/demo_sft.py:reason` goes on with chains of reasoning.
"""

from configs import tiny_sft

FORMAT = "open"  # how the demo asks: options are a shortcut that keeps pictures from being read
HALF_KNOWN = r"goal_position"  # after it, in "level/game/task": what DPO and GRPO are about

TASKS = {
    "read": (
        (r"maze/(player|goal).*/look", 1.0),
        (r"sokoban/.*/look", 1.0),
        (r"tictactoe/.*/look", 1.0),
    ),
    "reason": (
        (r"tictactoe/.*/open", 0.36),
        (r"maze/player_position/open", 0.30),
        (r"maze/goal_position/open", 0.04),
        (r"sokoban/.*/open", 0.11),
        (r"/look", 0.15),
    ),
}


def get_config(stage="reason"):
    config = tiny_sft.get_config()
    config.data.formats.update({"cot": 0.0, "transcribe": 0.0, "look": 1.0})
    config.data.formats.open = 1.0 if stage == "reason" else 0.0
    config.data.tasks = TASKS[stage]
    config.data.rows = 6 if stage == "read" else 4
    config.data.row_tokens = 144 if stage == "read" else 320
    config.data.row_targets = 66 if stage == "read" else 160
    config.data.row_tiles = 3 if stage == "read" else 4
    config.optimizer.lr = 6e-4
    config.optimizer.warmup = 0.1
    config.optimizer.schedule = "constant" if stage == "read" else "cosine"
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config
