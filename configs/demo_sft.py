"""What `make demo` trains with: chains of reasoning, from random weights, on two CPU cores."""

from configs import tiny_sft


def get_config():
    config = tiny_sft.get_config()
    # Reading comes before reasoning: most examples ask what is where, in few tokens.
    config.data.formats.cot = 1.0
    config.data.formats.transcribe = 1.0
    config.data.tasks = (
        (r"tictactoe/.*/transcribe", 0.25),
        (r"cell_color/cot", 0.2),
        (r"(player|goal)_position/cot", 0.4),
        (r"/cot", 0.15),
    )
    config.data.rows = 12
    config.data.row_tokens = 320
    config.data.row_windows = 4
    config.optimizer.lr = 6e-4
    config.optimizer.warmup = 0.06
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    return config
