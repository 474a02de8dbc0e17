"""The real path on a CPU: a small model (`init_model --preset tiny`) on small pictures.

  python -m c2l_jax.train --config configs/tiny_sft.py --workdir runs/tiny \
      --config.model=MODEL_DIR --config.data.path=DATASET_DIR
"""

from configs import forkme


def get_config():
    config = forkme.get_config()
    config.steps = 200
    config.data.formats.transcribe = 0.25
    config.data.rows = 8
    config.data.row_tokens = 512
    config.data.row_targets = 320
    config.data.row_tiles = 8
    config.optimizer.lr = 2e-3
    config.compute_dtype = "float32"
    config.remat = "none"
    config.checkpoint.every = 100
    return config
