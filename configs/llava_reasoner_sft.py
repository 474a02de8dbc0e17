"""LLaVA-Reasoner's supervised stage (arXiv 2410.16198), on Qwen2.5-VL and this project's questions.

  python -m synth generate --out data --games all --per-task 1000 --seed 0
  python -m c2l_jax.train --config configs/llava_reasoner_sft.py --workdir runs/reasoner_sft \
      --config.model=Qwen2.5-VL-3B-Instruct --config.data.path=data --config.steps=STEPS

STEPS for one epoch: twice the training records (each in both formats) / 32.

From the paper (section on SFT) and its code (scripts_sft/*.sh): learning rate 5e-6 for language
model and projector and 5e-7 for the vision tower, all of it trained; cosine with warm-up 0.03;
AdamW without weight decay; batch 32; one epoch; bf16; chains of reasoning and direct answers in
equal numbers; loss on the response and its end-of-turn token.

Deviations: Qwen2.5-VL instead of LLaVA-NeXT with Llama-3-8B; examples are packed, so a batch is 8
rows of 4096 tokens and holds about 32 examples with pictures of half a megapixel
(examples_per_second * seconds_per_step says how many; change config.data.rows to match); loss is a
mean over the batch's response tokens; longer examples are dropped and not cut at 6144 tokens; no
mixing in of LLaVA's pretraining instructions; clipping at 1 and AdamW's b2 = 0.999 are the code's
defaults (those of transformers' Trainer), which the paper does not mention.

With the 3B model this fits a v5litepod-8 at one row a chip (docs/plan.md).

Not run at full size here: tests load and check these settings, and train small models by
the same objective. docs/figures.md has the paper's figures.
"""

from configs import sft


def get_config():
    config = sft.get_config()
    config.data.rows = 8
    config.data.formats.cot = 0.5
    config.data.formats.direct = 0.5
    config.optimizer.lr = 5e-6
    config.optimizer.lr_scale = ((r"^vision/(?!merger)", 0.1),)
    config.optimizer.warmup = 0.03
    config.optimizer.b2 = 0.999
    return config
