"""Every setting of a training run, explained. Copy this file and change what you need.

  python -m c2l_jax.train --config configs/forkme.py --workdir runs/mine \
      --config.model=MODEL_DIR --config.data.path=DATASET_DIR --config.steps=2000
"""

from ml_collections import ConfigDict


def get_config():
    config = ConfigDict()
    config.seed = 0
    config.model = ""  # a Qwen2.5-VL directory: from the hub, or `python -m c2l_jax.init_model`
    config.objective = "sft"  # c2l_jax/objectives/NAME.py
    config.steps = 1000  # optimizer steps

    data = config.data = ConfigDict()
    data.path = ""  # a data set: `python -m synth generate --out DIR`
    data.split = "train"
    # How a record is answered: by its chain of steps, at once, or by writing the position down.
    # The weights are the shares of the examples.
    data.formats = ConfigDict({"cot": 1.0, "direct": 0.0, "transcribe": 0.0})
    # (pattern, share of the examples) for "game/task/format"; a record in a format counts for the
    # first pattern found in its name, and one without a pattern is left out. (): all alike.
    data.tasks = ()
    # Examples are packed into rows of one shape. A longer example is dropped, aloud, never cut.
    data.rows = 8  # rows in an optimizer step, over all devices
    data.row_tokens = 1024  # tokens in a row: text, and one for each 28 x 28 px of picture
    data.row_windows = 16  # vision windows of 112 x 112 px in a row
    data.threads = 2  # threads that read and tokenise

    optimizer = config.optimizer = ConfigDict()
    optimizer.lr = 5e-6
    optimizer.schedule = "cosine"  # to zero, or "constant"
    optimizer.warmup = 0.03  # share of the steps
    optimizer.weight_decay = 0.0  # on matrices; never on norms and biases
    optimizer.b1 = 0.9
    optimizer.b2 = 0.95
    optimizer.clip = 1.0  # norm of the whole gradient
    # (pattern, factor on lr) for parameter paths; the first that is found in a path counts, a
    # path without one has factor 1, and factor 0 freezes: r"^vision/merger" is the projector,
    # r"^vision/(?!merger)" the rest of the vision tower, r"^text/" the language model.
    optimizer.lr_scale = ()

    config.accumulation = 1  # parts that a step's rows are computed in, to save memory
    config.compute_dtype = "bfloat16"  # the master weights are always float32
    config.remat = "full"  # what the backward pass computes again: "none", "dots" or "full"
    config.logprob_chunk = 2048  # tokens whose logits exist at one time
    # Devices along each axis; -1 takes what is left. fsdp splits weights and rows, tensor splits
    # the layers' width, data only rows.
    config.mesh = ConfigDict({"data": 1, "fsdp": -1, "tensor": 1})
    config.checkpoint = ConfigDict({"every": 200, "keep": 2})  # steps, number kept
    config.log_every = 10
    return config
