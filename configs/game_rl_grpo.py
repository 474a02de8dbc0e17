"""Game-RL's GRPO (Code2Logic, arXiv 2505.13886), on Qwen2.5-VL and this project's questions.

  python -m c2l_jax.train --config configs/game_rl_grpo.py --workdir runs/game_rl \\
      --config.model=Qwen2.5-VL-7B-Instruct --config.data.path=data \\
      --config.grpo.judge.url=http://HOST:PORT/v1 --config.grpo.judge.model=NAME

From the paper (4.1, 4.2, 5.1 and C.3.2): 12 rollouts a question at temperature 1.0, top-p 0.85,
top-k 50; clip 0.2, KL weight 0.04; rate 2e-7 with 5 % warm-up; AdamW with weight decay 0.1; one
epoch over 5,000 questions of which 1 % is held out; the language model alone is trained; a
model judges, and its verdict is the whole reward. From the code (scripts/train_qwen2_5vl.sh and
ms-swift 3.4): 2 questions an update, 2,475 updates, constant rate, beta2 0.95, at most 2,048
tokens, pictures of at most 1,003,520 pixels, advantages (r - mean) / (std + 1e-4), k3.

Where the two disagree: the rate is 5e-7 in the script; its loss is a mean over tokens and the
paper's formula one over responses (--config.grpo.aggregation=tokens is the script's); the paper's
judge is Qwen2.5-32B-AWQ, the script serves Qwen2.5-VL-72B-AWQ and asks for Qwen2.5-72B-AWQ. The
paper's batch is "3", the script's 24 responses.

Deviations: the policy is the model's whole distribution, as in the code, though responses are drawn
from part of it, which a warning tells; the script samples one update ahead, here always with the
current weights; our questions, prompt and wording of the judge are our own, and there is no system
prompt; groups whose rewards are all alike stay in the batch, as there. Special tokens can't be
drawn. Options are shown, as in the data that was published.

Not run at full size here: tests load and check these settings, and train small models by
the same objective. docs/figures.md has the paper's figures.
"""

from configs import grpo


def get_config():
    config = grpo.get_config()
    config.steps = 2475
    config.data.formats.cot = 1.0
    config.data.formats.open = 0.0
    config.data.rows = 8
    config.data.row_tokens = 8192
    config.data.row_targets = 6144
    config.data.row_tiles = 128
    config.grpo.questions = 2
    config.grpo.group = 12
    config.grpo.max_tokens = 2048
    config.grpo.prompt_tokens = 2048
    config.grpo.prompt_tiles = 96
    config.grpo.temperature = 1.0
    config.grpo.top_p = 0.85
    config.grpo.top_k = 50
    config.grpo.rewards = (("judge", 1.0),)
    config.grpo.overlong_buffer = 0
    config.grpo.filter = False
    config.grpo.draws = 1
    config.grpo.advantage = "grpo"
    config.grpo.clip_low = 0.2
    config.grpo.clip_high = 0.2
    config.grpo.aggregation = "sequences"
    config.grpo.kl = "k3"
    config.grpo.kl_weight = 0.04
    config.optimizer.lr = 2e-7
    config.optimizer.warmup = 0.05
    config.optimizer.weight_decay = 0.1
    config.optimizer.b2 = 0.95
    config.evaluation.every = 400
    config.checkpoint.every = 400
    return config
