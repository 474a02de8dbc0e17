"""The stages of `python -m benchmarks.learning`, for a small model on two CPU cores.

`:read` and `:reason` make the model that all else begins with: it learns to read pictures, then to
reason, from few solutions. `:sft` (on solutions, or on right responses of its own), `:chosen`,
`:dpo`, `:fork` and `:grpo` go on from there, with as many updates.
"""

from configs import tiny_dpo, tiny_grpo, tiny_sft

# In "level/game/task": what all is about, and what else the model half masters.
TASKS = r"Easy/maze/goal_position"
OTHERS = r"Easy/maze/player_position"
LARGER = r"Medium/maze/goal_position"  # never trained on, like the game outside the domain
OUTSIDE = r"Easy/snake/head_position"
USED = rf"Easy/maze|(Easy|Medium)/tictactoe|{LARGER}|{OUTSIDE}"
BASE = {"read": 500, "reason": 300}  # steps
GROUP = 8
# Of GRPO by one rollout. With one, a model that is seldom right saw too few right answers a step.
UPDATES = 8
PAIRS = {
    "dpo": {"truncate": "words", "truncate_words": 90, "beta": 0.1},
    "fork": {"truncate": "fork", "fork_tokens": 8, "beta": 2.0},
    # The pairs' term is as good as gone.
    "chosen": {"truncate": "words", "truncate_words": 0, "beta": 1e-9, "sft_weight": 1.0},
}
SHARES = {
    "read": ((r"Easy/maze/(player|goal|path|turn).*/look", 2.0), (r"tictactoe/.*/look", 1.0)),
    "reason": (
        (r"Easy/maze/(player|goal).*/(open|cot)", 0.40),
        (r"Easy/maze/open.*/(open|cot)", 0.08),
        (r"(Easy|Medium)/tictactoe/cell_color/(open|cot)", 0.26),
        (r"(Easy|Medium)/tictactoe/r.*/(open|cot)", 0.10),
        (r"Easy/.*/look", 0.16),
    ),
}


def get_config(stage="read"):
    return base(stage) if stage in BASE else arm(stage)


def base(stage: str):
    config = tiny_sft.get_config()
    config.steps = BASE[stage]
    config.data.tasks = SHARES[stage]
    reads = stage == "read"
    shares = {"cot": 0.0, "transcribe": 0.0, "look": 1.0}
    config.data.formats.update(shares if reads else shares | {"open": 1.0, "cot": 0.3})
    config.data.rows = 6 if reads else 4
    config.data.row_tokens = 144 if reads else 320
    config.data.row_targets = 66 if reads else 160
    config.data.row_tiles = 3 if reads else 4
    config.optimizer.lr = 6e-4
    config.optimizer.warmup = 0.1
    config.optimizer.schedule = "constant" if reads else "cosine"
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config


def arm(stage: str):
    """`data.formats` is for sft on solutions and grpo; what comes of sampled responses brings its
    own."""
    of = {"sft": tiny_sft, "grpo": tiny_grpo}
    config = of.get(stage, tiny_dpo).get_config()
    config.data.rows = 8
    config.data.row_tokens = 512
    config.data.row_targets = 320
    config.data.row_tiles = 4
    config.optimizer.lr_scale = ()  # the errors are of reading: the vision tower learns, too
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup = 0.1
    config.evaluation.every = 0
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    config.log_every = 5
    config.dpo.update(PAIRS.get(stage, {}))
    if stage == "grpo":
        config.data.rows = 4
        config.grpo.group = GROUP
        config.grpo.max_tokens = 128
        config.grpo.draws = 1  # as many samples as the others have
        config.updates = UPDATES
    return config
