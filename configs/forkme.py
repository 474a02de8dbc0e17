"""Every setting of a training run, explained. Copy this file and change what you need.

  python -m c2l_jax.train --config configs/forkme.py --workdir runs/mine \
      --config.model=MODEL_DIR --config.data.path=DATASET_DIR --config.steps=2000
"""

from ml_collections import ConfigDict


def get_config():
    config = ConfigDict()
    config.seed = 0
    config.model = ""  # Qwen2.5-VL or Qwen3-VL: a directory from the hub, or of `init_model`
    config.objective = "sft"  # or "dpo" or "grpo", or the import path of a module like those
    config.steps = 1000  # batches
    config.updates = 1  # of the weights on each batch; more make sense for grpo alone

    data = config.data = ConfigDict()
    # Questions for sft and grpo: `python -m synth generate --out DIR`. Pairs for dpo:
    # `python -m c2l_jax.preferences --out DIR`; they bring their own format, and formats and tasks
    # below say nothing about them.
    data.path = ""
    data.split = "train"
    # How a record is asked and answered: with its chain of steps; with the chain but without the
    # options ("open", for tasks whose answer is the only one without them, too); at once; or, with
    # no question, by the chain's first step ("look", for tasks of a game that begin alike) or the
    # whole position (these two need pictures). The weights are the shares of the examples; tasks,
    # below, chooses.
    data.formats = ConfigDict(
        {"cot": 1.0, "open": 0.0, "direct": 0.0, "look": 0.0, "transcribe": 0.0}
    )
    # (pattern, share of the examples) for "level/game/task/format"; a record in a format counts for
    # the first pattern found in its name, and one without a pattern is left out. (): all alike.
    data.tasks = ()
    # Examples are packed into rows of one shape. A longer example is dropped, aloud, never cut.
    # Rows in an optimizer step, over all devices. For grpo, whose groups need now more and now
    # fewer rows: computed at one time, empty ones included.
    data.rows = 8
    data.row_tokens = 1024  # tokens in a row: text, and one for each 28 x 28 px of picture
    data.row_targets = 0  # response tokens in a row, the only ones with logits; 0: row_tokens
    data.row_tiles = 16  # tiles of 8 x 8 patches that pictures are cut into, in a row
    data.row_windows = data.get_ref("row_tiles")  # its former name
    # Streams that the examples are read and packed in, each by one process: a run keeps their
    # number, and goes on with as many processes as divide it. 0: one a process at its start.
    data.streams = 0
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

    # Low-rank adapters (LoRA) beside the kernels in whose path the pattern is found; then only they
    # are trained, and lr_scale chooses among them. The run exports both the whole model with the
    # adapters in it (model/) and the adapters alone, for PEFT (adapter/). Rank 0: none.
    config.lora = ConfigDict({"rank": 0, "alpha": 32.0, "pattern": r"^text/layers/"})

    dpo = config.dpo = ConfigDict()
    # Or "sigmoid_norm", "hinge", "ipo", "dpop", "apo_zero" or "simpo", which needs no reference;
    # formulas in c2l_jax/objectives/dpo.py.
    dpo.loss = "sigmoid"
    # How dear it is to leave the reference. A pair pulls less and less once beta times what it has
    # moved, in nats, is more than 1: 0.1 is for chains of a hundred tokens and more, of which many
    # move. Where a few tokens are scored ("fork", or short chains) 1 to 3 does the same; 0.1 would
    # push the rejected token, and what looks like it, for ever. The losses of means (sigmoid_norm,
    # ipo, simpo) count nats a token: 2 and more.
    dpo.beta = 0.1
    dpo.dpop_weight = 50.0  # of the chosen response's loss of likelihood; for the loss "dpop"
    dpo.simpo_margin = 1.0  # that the chosen response should be ahead by; for the loss "simpo"
    dpo.label_smoothing = 0.0  # share of the pairs that are taken to be the wrong way round
    dpo.sft_weight = 0.0  # of the chosen response's negative log-likelihood, mean over its tokens
    # What is scored: the first words of a response ("words"), or a few tokens from the first one on
    # in which the two responses of a pair differ ("fork"; for `preferences --pairing near`).
    dpo.truncate = "words"
    dpo.truncate_words = 90  # responses are cut after so many words; 0: never
    dpo.fork_tokens = 8  # scored tokens of each response
    dpo.discount = "none"  # tokens' weights, falling along a response: "none", "cos" or "linear"
    dpo.score_end = True  # whether the end-of-turn token of an uncut response counts
    # Pairs hold the reference's log-probabilities, and training refuses to start from another
    # model than the one that made them. True: compute them anew with config.model, at the start,
    # or where there are adapters, with these off in every step.
    dpo.recompute_reference = False

    grpo = config.grpo = ConfigDict()  # formulas in c2l_jax/objectives/grpo.py
    grpo.questions = 16  # in a step, over all devices
    grpo.group = 8  # responses to each
    grpo.max_tokens = 512  # where a response is cut off
    grpo.temperature = 1.0  # of the policy: what is drawn from is what is trained
    grpo.top_p = 1.0  # draws from fewer tokens than the policy that is trained has, aloud,
    grpo.top_k = 0  # if below 1, or above 0
    # The longest prompt and the most tiles that the sampler keeps room for; 0: as a row has, less
    # max_tokens. Longer ones are dropped, aloud.
    grpo.prompt_tokens = 0
    grpo.prompt_tiles = 0
    grpo.sampler_rows = 0  # questions that are answered at a time, over all devices; 0: all
    # (name, weight): "rule" (1 for a right answer), "judge" (1 if a language model says so) or the
    # import path package.module:function of (records, responses) -> list of numbers.
    grpo.rewards = (("rule", 1.0),)
    grpo.reward_timeout = 1800.0  # seconds that each may take for a step's responses
    grpo.overlong_buffer = 0  # the last tokens before max_tokens, in which a response loses ...
    grpo.overlong_penalty = 1.0  # ... up to this, evenly
    grpo.filter = True  # leaves groups out whose rewards are all alike: they teach nothing
    grpo.draws = 1  # how often a step's questions are drawn, at most, to have enough of the others
    grpo.mask_truncated = False  # responses that were cut off count for rewards' means alone
    grpo.advantage = "drgrpo"  # or "grpo", "batch" or "rloo"
    grpo.surrogate = "ppo"  # or "gspo", "cispo" or "reinforce"
    grpo.clip_low = 0.2  # ratios are clipped below 1 - clip_low and
    grpo.clip_high = 0.28  # above 1 + clip_high; they differ from 1 if updates is more than 1
    grpo.aggregation = "tokens"  # or "sequences" or "constant"
    # "k2" or "k3": with that weight, how dear it is to leave config.model, which is then kept in
    # memory in compute_dtype.
    grpo.kl = "none"
    grpo.kl_weight = 0.04
    grpo.importance_cap = 0.0  # of a token's weight pi / pi_sampler, as 2.0; 0: no weights
    # An OpenAI-compatible server for the reward "judge": it is asked at URL/chat/completions with
    # the key in the environment variable OPENAI_API_KEY, if there is one.
    grpo.judge = ConfigDict({"url": "http://localhost:8000/v1", "model": ""})
    grpo.judge.concurrency = 32  # requests at one time
    grpo.judge.timeout = 30.0  # seconds for one of them
    grpo.judge.max_wait = 120.0  # and without any reply; then the rule decides, aloud

    # Every so many steps (0: never) the objective's figures on a few held-out batches, as eval/;
    # for grpo the accuracy of greedy answers to batches * grpo.questions of them.
    config.evaluation = ConfigDict({"every": 0, "split": "validation", "batches": 8})
    config.accumulation = 1  # parts that a step's rows are computed in, to save memory
    config.compute_dtype = "bfloat16"
    # What the parameters are kept in between steps: "float32", 16 bytes for each with gradient and
    # optimizer, or "bfloat16", 10 bytes, beside the bits that they lack; see c2l_jax/optimizer.py.
    config.param_dtype = "float32"
    # What the backward pass computes again of a layer: "none" of it; "dots", what lies between its
    # products; "attention", all but attention; "full", all of it. Each needs less memory and more
    # time than the one before.
    config.remat = "full"
    # Of ops.attention.IMPLEMENTATIONS; "auto" takes the one for the device.
    config.attention = "auto"
    config.logprob_chunk = 2048  # response tokens whose logits exist at one time
    # Devices along each axis; -1 takes what is left. fsdp splits weights and rows, tensor splits
    # the layers' width, data only rows.
    config.mesh = ConfigDict({"data": 1, "fsdp": -1, "tensor": 1})
    config.checkpoint = ConfigDict({"every": 200, "keep": 2})  # steps, number kept
    config.log_every = 10
    return config
