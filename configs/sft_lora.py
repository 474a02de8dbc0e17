"""Supervised fine-tuning of adapters, on one accelerator.

  python -m c2l_jax.train --config configs/sft_lora.py --workdir runs/lora \
      --config.model=Qwen2.5-VL-7B-Instruct --config.data.path=data/gameqa

Rank, alpha, learning rate, warm-up and the constant rate after it as Game-RL has them for its
supervised runs (arXiv 2505.13886, appendix C.3), on all linear layers of the language model.
docs/memory.md says what that takes.

Not run at full size here: tests load and check these settings, and train small models by
the same objective.
"""

from configs import sft


def get_config():
    config = sft.get_config()
    config.param_dtype = "bfloat16"
    config.lora.rank = 16
    config.lora.alpha = 32.0
    config.lora.pattern = r"^text/layers/"
    config.optimizer.lr = 5e-5
    config.optimizer.schedule = "constant"
    config.optimizer.lr_scale = ()
    config.data.rows = 8
    config.accumulation = 8
    return config
