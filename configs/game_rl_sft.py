"""Game-RL's supervised runs (Code2Logic, arXiv 2505.13886), on Qwen2.5-VL: what its GRPO is
compared with.

  python -m synth import gameqa GameQA-140K --out gameqa --validation 0.01
  python -m c2l_jax.train --config configs/game_rl_sft.py --workdir runs/game_rl_sft \\
      --config.model=Qwen2.5-VL-7B-Instruct --config.data.path=gameqa --config.steps=STEPS

STEPS for one epoch: the training records / those in a batch (examples_per_second *
seconds_per_step of the log says how many).

From the paper (appendices C.2 and C.3.2): adapters of rank 16 and alpha 32 on all linear layers of
the language model; rate 5e-5 after 3 % warm-up, constant; AdamW; one epoch over 40,000 questions of
20 games, answered by chains that a language model wrote out from the games' own (`refinement`,
which `import gameqa` takes first). Its batch is not told, and no code for these runs was published;
the supervised runs of its table 11 train all parameters on 20,000 questions.

Deviations: examples are packed into rows, and longer ones dropped; parameters are bfloat16;
clipping and AdamW's other settings are this project's. With questions of `synth generate` in place
of the published ones, chains are the games' own.

Not run at full size here: tests load and check these settings, and train small models by
the same objective. docs/figures.md has the paper's figures.
"""

from configs import sft_lora


def get_config():
    config = sft_lora.get_config()
    config.lora.rank = 16
    config.lora.alpha = 32.0
    config.lora.pattern = r"^text/layers/"
    config.optimizer.lr = 5e-5
    config.optimizer.schedule = "constant"
    config.optimizer.warmup = 0.03
    return config
