"""What `make demo` does after SFT: preferences, and beside them as much SFT again.

`--config configs/demo_dpo.py:dpo` learns from pairs of the model's own responses to training
questions of DPO_TASKS. `--config configs/demo_dpo.py:more_sft` is what it is compared with: as many
steps, each of as many rows, on the game's own solutions of the same tasks, at the learning rate
that SFT had and with the vision tower trained, which DPO leaves frozen. `:chosen` is DPO without
its pairs: the chosen responses' likelihood alone.
"""

from configs import demo_sft, tiny_dpo, tiny_sft

# In "game/task": what the model is asked for pairs, a task of each game that it half masters.
DPO_TASKS = r"cell_color|player_position"


def get_config(stage="dpo"):
    if stage in ("dpo", "chosen"):
        config = tiny_dpo.get_config()
        config.dpo.beta = 0.1 if stage == "dpo" else 1e-9
        config.dpo.truncate = "words"
        config.dpo.truncate_words = 0
        # A wrong chain may still copy its own result into its answer rightly. Rejecting it as a
        # whole unlearns that, so that the chosen chains have to be held fast.
        config.dpo.sft_weight = 10.0
        config.optimizer.lr = 6e-5
        config.evaluation.every = 20
    else:
        config = tiny_sft.get_config()
        config.data.formats.update({"cot": 0.0, "transcribe": 0.0, demo_sft.FORMAT: 1.0})
        config.data.tasks = ((DPO_TASKS, 1.0),)
        config.optimizer.lr = demo_sft.get_config().optimizer.lr
    config.data.rows = 10
    config.data.row_tokens = 512
    config.data.row_targets = 320
    config.data.row_tiles = 4
    config.optimizer.warmup = 0.1
    config.logprob_chunk = 4096
    config.checkpoint.every = 500
    config.log_every = 5
    return config
