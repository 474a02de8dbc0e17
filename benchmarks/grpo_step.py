"""How fast a step of group-relative policy optimisation on pictures is, beside the usual ways.

  python -m benchmarks.grpo_step            # tables, then one line of JSON
  python -m benchmarks.grpo_step --json     # that line alone; progress goes to stderr

A question has a picture and a group of responses; trunk to response 2 : 1. Measured in float32:

  update   of the weights by one group. "shared" is c2l_jax's own loss and update, the trunk and
           the picture once with a branch a response; "whole" the same with a sequence for each
           response, of 12. They are held against what the number of floating-point operations
           predicts; shared must reach 85 % of it. "torch", of 8, is transformers' Qwen2.5-VL as
           TRL computes it: all sequences in one batch, logits of the responses alone, selective
           log-softmax, the clipped surrogate, AdamW. TRL's own logging is left out.
  rollout  8 responses to each of 2 questions at temperature 1, all of full length: c2l_jax's
           sampler beside transformers' `generate` with its dynamic cache
  step     the whole of c2l_jax's step on questions with pictures, on its four clocks: rollout,
           reward, reference (k3) and update

The updates start from the same weights; their losses must agree, at the start and after the first
two updates, or the run is void. The old policy is another model than the current one, so that the
loss depends on every log-probability. In the whole step the model is a small one with random
weights, whose responses are as long as they may be.

Each side runs in a process of its own; they take turns, and ratios are of the best times. On a
busy machine torch's threads wait for each other and its ratio comes out too high: trust it only
where others_share_of_cores, printed last, is close to 0. Needs `pip install -e .[test]`.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import flops, measure, sampling, workload
from benchmarks.workload import Shape
from c2l_jax import program
from c2l_jax.data.processor import Processor, add_branches
from c2l_jax.init_model import init_model
from c2l_jax.models import weights
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.objectives import grpo
from c2l_jax.ops.logprobs import policy, target_logprobs
from c2l_jax.sharding import make_mesh, put_batch
from configs import tiny_grpo
from records.reading import open_split

SHARE_OF_PREDICTED = 0.85
OVER_TORCH = OVER_GENERATE = 3.0
GROUP, GROUP_OF_TORCH = 12, 8
QUESTIONS = 2  # of the rollout, with GROUP_OF_TORCH responses each
AWAY = 0.02  # the policy's distance from the old one
CLOCKS = ("rollout", "reward", "reference", "update")


def group(config: Config, shape: Shape, size: int):
    """(prompt, responses, advantages [size])."""
    rng = np.random.default_rng(0)
    prompt = workload.prompt(config, shape, rng)
    responses = [workload.response(config, shape, rng) for _ in range(size)]
    return prompt, responses, rng.normal(size=size).astype(np.float32)


def whole_sequences(prompt: dict, responses: list[np.ndarray]) -> dict[str, np.ndarray]:
    return workload.batch([add_branches(prompt, [response]) for response in responses])


# ---------------------------------------------------------------------------------- the updates


def settings():
    config = workload.settings()
    config.updates = 2  # so that there is an old policy
    return config


def make_ours(current: Path, shape: Shape, size: int, old_gr: np.ndarray, shared: bool):
    """c2l_jax's update by a group with old log-probabilities [size, response], in one row with a
    shared trunk or in a row a response."""
    config, model_config = settings(), Config.from_directory(current)
    graphdef, params = workload.parameters(current)
    prompt, responses, advantages_g = group(model_config, shape, size)
    if shared:
        batch = workload.batch([add_branches(prompt, responses)])
    else:
        batch = whole_sequences(prompt, responses)
    places = batch["targets"].shape
    batch["old_logps"] = batch["sampler_logps"] = old_gr.reshape(places)
    batch["advantages"] = np.repeat(advantages_g, shape.response).reshape(places)
    read = policy(config.grpo.temperature, ())

    def loss(params, batch):
        model = workload.model_of(graphdef, params, model_config)
        read_br = target_logprobs(model, batch, config.logprob_chunk, read)
        total, weight, metrics = grpo.loss_of(*read_br, batch, config)
        return total, {"loss": total, "weight": weight, **metrics}

    run, compiled = workload.compile_step(loss, params, batch, config)
    temporary = compiled.memory_analysis().temp_size_in_bytes / 2**20
    return run, {"temporary_mib": round(temporary)}


def make_torch(current: Path, shape: Shape, size: int, old_gr: np.ndarray):
    """TRL's update with transformers' model."""
    from benchmarks import torch_side

    made = group(Config.from_directory(current), shape, size)
    return torch_side.make_grpo(current, *made, old_gr, settings()), {}


def measure_updates(folder: Path, config: Config, shape: Shape, rounds: int, size: str):
    """The four sides after their turns, and what they agree on. Exits where they don't."""
    current, old = folder / "current", folder / "old"
    workload.write_model(config, old, seed=0)
    workload.write_model(config, current, seed=0, away=AWAY)
    prompt, responses, _ = group(config, shape, GROUP)
    old_gr = workload.logprobs(old, whole_sequences(prompt, responses), 2048)
    few_gr = old_gr[:GROUP_OF_TORCH]
    measure.say("updates: four sides load and compile")
    made = measure.compare(
        measure.Side("shared 12", make_ours, current, shape, GROUP, old_gr, True),
        measure.Side("whole 12", make_ours, current, shape, GROUP, old_gr, False),
        measure.Side("shared 8", make_ours, current, shape, GROUP_OF_TORCH, few_gr, True),
        measure.Side("torch 8", make_torch, current, shape, GROUP_OF_TORCH, few_gr),
        rounds=rounds,
    )
    return made, measure.agreement(made[:2], size) | measure.agreement(made[2:], size)


# ---------------------------------------------------------------------------- rollout, whole step


def measure_rollout(folder: Path, shape: Shape, rounds: int) -> list[measure.Side]:
    measure.say(f"rollout: {GROUP_OF_TORCH} responses to each of {QUESTIONS} questions")
    model = folder / "current"
    each = shape, QUESTIONS
    made = measure.compare(
        measure.Side("ours", sampling.make_ours, model, *each, 1, GROUP_OF_TORCH, 1.0),
        measure.Side("generate", sampling.make_torch, model, *each, GROUP_OF_TORCH),
        rounds=rounds,
    )
    sampling.check(made, shape, QUESTIONS * GROUP_OF_TORCH, same=False)
    return made


def reward(records, responses) -> list[float]:
    """That of the whole step: any, but not the same for all."""
    del records
    return [len(set(response)) / 100 for response in responses]


def step_settings(model: Path, data: Path, questions: int, tokens: int):
    config = tiny_grpo.get_config()
    config.model, config.data.path = str(model), str(data)
    config.data.row_tokens, config.data.row_targets = 512 + 8 * tokens, 8 * tokens
    config.data.rows, config.data.row_tiles = questions, 16
    config.grpo.update({"questions": questions, "group": 8, "max_tokens": tokens})
    config.grpo.update({"kl": "k3", "filter": False, "prompt_tokens": 448, "prompt_tiles": 4})
    config.grpo.rewards = ((f"{reward.__module__}:{reward.__name__}", 1.0),)
    return config


def make_step(model: Path, data: Path, questions: int, tokens: int):
    """A run's step as in c2l_jax.train; run() gives the seconds of each clock."""
    config = step_settings(model, data, questions, tokens)
    mesh = make_mesh(config.mesh)
    grpo.check(config)
    made = program.build(config, grpo, mesh)
    split = open_split(data, "train")
    source = grpo.source(split, Processor(model), config, mesh=mesh, workdir=model)
    # As if it went on: a run whose very first responses are cut off stops.
    for iterator in source.iterators.values():
        next(iterator)
    loaded = weights.load(model, made.places, jnp.dtype(config.param_dtype))
    state, update = made.init_state(loaded), program.Step(made)

    def run() -> dict[str, float]:
        nonlocal state
        parts, _, figures = source.next(state["params"])
        began = time.perf_counter()
        state, _ = update(state, (put_batch(mesh, part) for part in parts))
        jax.block_until_ready(state)
        taken = {name: figures[f"seconds/{name}"] for name in CLOCKS[:-1]}
        return taken | {"update": time.perf_counter() - began}

    return run, {}


def model_and_data(folder: Path) -> tuple[Path, Path]:
    """A small model with random weights and its own tokeniser, and questions for it."""
    data, model = folder / "data", folder / "model"
    options = ["--games", "maze,tictactoe", "--per-task", "8", "--size", "224"]
    command = [sys.executable, "-m", "synth", "generate", "--out", str(data), *options]
    subprocess.run(command, check=True, stdout=sys.stderr)
    init_model(data=data, out=model, preset="tiny")
    return model, data


def measure_step(model: Path, data: Path, quick: bool, rounds: int):
    """(the side, {clock: median seconds})."""
    questions, tokens = (2, 8) if quick else (4, 64)
    measure.say(f"whole step: {questions} questions, 8 responses of {tokens} tokens")
    made = measure.compare(
        measure.Side("whole step", make_step, model, data, questions, tokens), rounds=rounds
    )
    turns = made[0].results[1:]  # the first one warmed up
    return made, {name: statistics.median(turn[name] for turn in turns) for name in CLOCKS}


# ----------------------------------------------------------------------------------- the command


def ratios_of(config: Config, shape: Shape, updates, rollout) -> list[dict]:
    shared, whole, of_eight, theirs = updates
    ours, generate = rollout
    predicted = flops.separate(config, shape, GROUP) / flops.shared(config, shape, GROUP)
    measured = whole.best / shared.best
    return [
        measure.ratio(
            f"{GROUP} whole sequences / shared trunk (FLOPs predict {predicted:.2f})",
            measured,
            SHARE_OF_PREDICTED * predicted,
            predicted=round(predicted, 3),
            share_of_predicted=round(measured / predicted, 3),
        ),
        measure.ratio(
            f"torch / shared trunk, {GROUP_OF_TORCH} responses",
            theirs.best / of_eight.best,
            OVER_TORCH,
        ),
        measure.ratio(
            f"generate / ours, {QUESTIONS} x {GROUP_OF_TORCH} responses",
            generate.best / ours.best,
            OVER_GENERATE,
        ),
    ]


def clock_table(clocks: dict[str, float]) -> str:
    total = sum(clocks.values())
    lines = [(n, f"{s:.3f}", f"{100 * s / total:.0f} %") for n, s in clocks.items()]
    return measure.table("whole step, median of each clock", ("", "seconds", "share"), lines)


def main(arguments=None):
    own = {"model": "of the whole step, with a tokeniser", "data": "its questions"}
    args = measure.parse_arguments("grpo_step", __doc__, arguments, own)
    workload.configure()
    neighbours = measure.Neighbours()
    config = workload.model_config(args.size)
    shape, rounds = {
        "quick": (Shape(48, 24, 112), 2),
        "small": (Shape(200, 100, 336), 7),
        "3b": (Shape(519, 256, 448), 7),
    }[args.size]
    with tempfile.TemporaryDirectory() as folder:
        updates, losses = measure_updates(Path(folder), config, shape, rounds, args.size)
        rollout = measure_rollout(Path(folder), shape, rounds)
        if args.model and args.data:
            model, data = Path(args.model), Path(args.data)
        else:
            model, data = model_and_data(Path(folder))
        step, clocks = measure_step(model, data, args.quick, rounds)
    ratios = ratios_of(config, shape, updates, rollout)
    title = (
        f"trunk {shape.trunk} with a picture of {shape.side} px, responses {shape.response}\n"
        f"(peak MiB: {measure.MEMORY})"
    )
    tables = [
        measure.side_table(f"update by a group: {title}", updates),
        measure.side_table(f"rollout: {title}", rollout),
        clock_table(clocks),
        measure.ratio_table(ratios),
    ]
    content = {"ratios": ratios, "shape": vars(shape), "losses": losses, "clocks": clocks}
    content["sides"] = measure.figures([*updates, *rollout, *step])
    measure.report("grpo_step", tables, content, neighbours, args.json)


if __name__ == "__main__":
    main()
