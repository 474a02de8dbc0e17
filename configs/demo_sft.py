"""What `make demo` trains with: chains of reasoning, from random weights, on two CPU cores."""

from configs import tiny_sft


def get_config():
    config = tiny_sft.get_config()
    config.data.formats.transcribe = 0.0
    # Reading comes before reasoning: most examples are short questions about what is where.
    config.data.tasks = (
        (r"cell_color", 0.3),
        (r"player_position|goal_position", 0.25),
        (r"Target Perception", 0.1),
        (r"", 0.35),
    )
    config.data.rows = 9
    config.data.row_tokens = 448
    config.data.row_windows = 3
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config
