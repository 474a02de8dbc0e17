"""The stages of `python -m benchmarks.learning`, for a small model on two CPU cores.

`--config configs/learning.py:read`, `:reason` and `:chains` make the model to begin with: it learns
to read pictures, then to reason, but of the tasks that the later stages are about (TASKS) it sees
only a few hundred solutions, in the last of the three.
"""

from configs import demo_sft, tiny_sft

# In "level/game/task": a task of each game, and levels; Hard is held out.
TASKS = r"(Easy|Medium)/(tictactoe/cell_color|maze/player_position)"
STEPS = {"read": 500, "reason": 500, "chains": 300}
SHARES = {
    "read": demo_sft.TASKS["read"],
    "reason": (
        (r"maze/(player|goal|path|turn).*/look", 0.36),
        (r"tictactoe/.*/look", 0.10),
        (r"maze/goal_position/(open|cot)", 0.20),
        (r"maze/(open|turn|path|position_after).*/(open|cot)", 0.18),
        (r"tictactoe/(reply|rule).*/(open|cot)", 0.16),
    ),
    "chains": (
        (TASKS + r"/(open|cot)", 0.60),
        (r"(maze/goal_position|tictactoe/(reply|rule).*|maze/(open|turn|position_after).*)"
         r"/(open|cot)", 0.20),
        (r"/look", 0.20),
    ),
}  # fmt: skip


def get_config(stage="read"):
    config = tiny_sft.get_config()
    config.steps = STEPS[stage]
    config.data.tasks = SHARES[stage]
    reads = stage == "read"
    shares = {"cot": 0.0, "transcribe": 0.0, "look": 1.0}
    config.data.formats.update(shares if reads else shares | {"open": 1.0, "cot": 0.5})
    config.data.rows = 6 if reads else 4
    config.data.row_tokens = 144 if reads else 320
    config.data.row_targets = 66 if reads else 160
    config.data.row_tiles = 3 if reads else 4
    config.optimizer.lr = 6e-4
    config.optimizer.warmup = 0.1
    config.optimizer.schedule = "constant" if stage != "chains" else "cosine"
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config
