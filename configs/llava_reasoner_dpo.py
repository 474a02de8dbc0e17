"""LLaVA-Reasoner's preference stage (arXiv 2410.16198), on Qwen2.5-VL and this project's questions.

  python -m c2l_jax.sample --model runs/reasoner_sft --data data --split train --n 32 \
      --temperature 1.0 --out runs/reasoner_responses
  python -m c2l_jax.preferences --responses runs/reasoner_responses --out runs/reasoner_pairs \
      --pairing random --low 0.25 --high 0.85 --max-pairs 3
  python -m c2l_jax.train --config configs/llava_reasoner_dpo.py --workdir runs/reasoner_dpo \
      --config.model=runs/reasoner_sft/model --config.data.path=runs/reasoner_pairs \
      --config.steps=STEPS

STEPS for one epoch: the training pairs / 32 (2,025 for the paper's 64.8 thousand).

From the paper (section on DPO): 32 candidates a question at temperature 1.0 or 1.2, questions with
accuracy 0.25 to 0.85, at most 3 pairs each; beta 0.1, learning rate 5e-7, batch 32 pairs, one
epoch, responses truncated to 90. From its code (scripts_dpo, trl/trainer/dpo_trainer.py): these
90 are words; the end-of-turn token is never scored; sigmoid loss without label smoothing, discount
or likelihood term (its gamma is only logged); cosine with warm-up 0.03, AdamW without weight decay;
vision tower and projector are meant to be frozen.

Deviations: Qwen2.5-VL instead of LLaVA-NeXT with Llama-3-8B; pairs are packed, so a batch is 8 rows
of 4096 tokens and holds about 32 pairs of pictures of half a megapixel (examples_per_second *
seconds_per_step says how many; change config.data.rows to match); words end at any white space
where the code splits at single spaces; the code's vision tower seems to be trained in spite of its
settings, ours is frozen; whether its bounds on accuracy are inclusive is not known, ours are.

Not run at full size here: tests load and check these settings, and train small models by
the same objective. docs/figures.md has the paper's figures.
"""

from configs import dpo


def get_config():
    config = dpo.get_config()
    config.data.rows = 8
    config.optimizer.lr = 5e-7
    config.optimizer.warmup = 0.03
    config.optimizer.b2 = 0.999
    config.dpo.beta = 0.1
    config.dpo.truncate = "words"
    config.dpo.truncate_words = 90
    config.dpo.score_end = False
    return config
