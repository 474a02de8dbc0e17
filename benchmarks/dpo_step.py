"""How fast a DPO step on pictures is, beside the usual ways of computing it.

  python -m benchmarks.dpo_step            # tables, then one line of JSON
  python -m benchmarks.dpo_step --json     # that line alone; progress goes to stderr

A pair is a question with a picture and two responses; trunk to response 4 : 1. Measured:

  ours   the trunk and the picture once with two branches, reference log-probabilities stored with
         the data (c2l_jax's own loss and update step)
  four   c2l_jax's model on the four usual sequences: policy and reference, chosen and rejected,
         the picture through the vision tower each time, the reference without a gradient
  torch  the same four with transformers' Qwen2.5-VL, as TRL computes them: [chosen; rejected] in
         one batch, full logits, selective log-softmax, sigmoid loss, AdamW. TRL's own logging is
         left out.

All start from the same weights in float32, and clip gradients and update alike. Their losses must
agree, at the start and after the first two updates, or the run is void. The reference is another
model than the policy, so that the loss depends on every log-probability. "four" over "ours" is
held against what the number of floating-point operations predicts; ours must reach 85 % of it. A
second table changes the number of branches and the length of the trunk: sharing a trunk must never
be slower than whole sequences. There the loss needs no reference, so that nothing but sharing
differs.

Each side runs in a process of its own; they take turns, and ratios are of the best times. On a
busy machine torch's threads wait for each other and its ratio comes out too high: trust it only
where others_share_of_cores, printed last, is close to 0. JAX_PLATFORMS=cuda before the command
measures on a GPU, torch too. Needs `pip install -e .[test]`.
"""

import functools
import itertools
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import flops, measure, workload
from benchmarks.workload import Shape
from c2l_jax.data.processor import add_branches
from c2l_jax.models.params import merge
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.objectives import dpo
from c2l_jax.ops.logprobs import target_logprobs

SHARE_OF_PREDICTED = 0.85
OVER_TORCH = 2.0
TOLERANCE = 1e-4  # of the losses
AWAY = 0.05  # the policy's distance from the reference
BRANCHES, TRUNKS = (2, 4, 8), (1, 2, 4, 8)


def pairs(config: Config, shape: Shape, count: int) -> list[tuple[dict, list[np.ndarray]]]:
    """(prompt, [chosen, rejected]) of each pair."""
    rng = np.random.default_rng(0)
    return [
        (
            workload.prompt(config, shape, rng),
            [workload.response(config, shape, rng) for _ in range(2)],
        )
        for _ in range(count)
    ]


def whole_sequences(made) -> dict[str, np.ndarray]:
    """The batch of all chosen sequences and then all rejected ones, one a row."""
    return workload.batch(
        [add_branches(prompt, [both[side]]) for side in (0, 1) for prompt, both in made]
    )


# ------------------------------------------------------------------------------- the three sides


def four_sequences_loss(graphdef, model_config, params, batch, config):
    """The sigmoid loss of `dpo.loss`, from rows of whole sequences (chosen first)."""

    def logps(params):
        model = workload.model_of(graphdef, params, model_config)
        return target_logprobs(model, batch, config.logprob_chunk)[0].sum(-1)

    ratios = logps(params) - jax.lax.stop_gradient(logps(batch["reference"]))
    chosen, rejected = jnp.split(ratios, 2)
    losses = -jax.nn.log_sigmoid(config.dpo.beta * (chosen - rejected))
    return losses.sum(), {"loss": losses.sum(), "weight": float(len(losses))}


def make_ours(policy: Path, reference: Path | None, shape: Shape, count: int, stored):
    """c2l_jax's step; with a reference model on four sequences, else from `stored` [2 * B, r]."""
    config = workload.settings()
    model_config = Config.from_directory(policy)
    graphdef, params = workload.parameters(policy)
    made = pairs(model_config, shape, count)
    if reference is None:
        batch = workload.batch([add_branches(*pair) for pair in made])
        # [2 * B, r] -> chosen and rejected of each pair in its row.
        by_pair = np.reshape(stored, (2, count, -1)).swapaxes(0, 1)
        batch["reference_logps"] = by_pair.reshape(count, -1)

        def loss(params, batch):
            model = workload.model_of(graphdef, params, model_config)
            total, weight, metrics = dpo.loss(model, batch, config)
            return total, {"loss": total, "weight": weight, **metrics}
    else:
        batch = {**whole_sequences(made), "reference": workload.parameters(reference)[1]}
        loss = functools.partial(four_sequences_loss, graphdef, model_config, config=config)

    run, compiled = workload.compile_step(loss, params, batch, config)
    temporary = compiled.memory_analysis().temp_size_in_bytes / 2**20
    return run, {"temporary_mib": round(temporary)}


def make_torch(policy: Path, reference: Path, shape: Shape, count: int):
    """TRL's step with transformers' model."""
    from benchmarks import torch_side

    made = pairs(Config.from_directory(policy), shape, count)
    return torch_side.make_dpo(policy, reference, made, workload.settings()), {}


# --------------------------------------------------------------------- shared and not shared


class Sharing:
    """The gradient over K branches, as one row that shares the trunk and as K whole sequences."""

    def __init__(self, config: Config, model, shape: Shape, branches: int):
        graphdef, self._params = model
        self._config, self._shape, self._branches = config, shape, branches
        rng = np.random.default_rng(branches)
        prompt = workload.prompt(config, shape, rng)
        responses = [workload.response(config, shape, rng) for _ in range(branches)]
        advantages = rng.normal(size=branches).astype(np.float32)[:, None]

        def loss(params, batch):
            logps = target_logprobs(merge(graphdef, params), batch, 2048)[0]
            return -(logps.reshape(branches, -1) * advantages).mean()

        self._batches = {
            "shared": workload.batch([add_branches(prompt, responses)]),
            "whole": workload.batch([add_branches(prompt, [one]) for one in responses]),
        }
        self._gradient = jax.jit(jax.value_and_grad(loss))
        self._compiled = {}

    def compile(self, name: str):
        self._batches[name] = jax.device_put(self._batches[name])
        lowered = self._gradient.lower(self._params, self._batches[name])
        self._compiled[name] = lowered.compile()

    def _run(self, name: str) -> tuple[float, float]:
        """(seconds, loss)."""
        began = time.perf_counter()
        value, _ = jax.block_until_ready(self._compiled[name](self._params, self._batches[name]))
        return time.perf_counter() - began, float(value)

    def measure(self, rounds: int) -> dict:
        """Best seconds and MiB of both. Exits where their losses differ."""
        losses = {name: self._run(name)[1] for name in self._batches}
        if abs(losses["shared"] - losses["whole"]) > TOLERANCE:
            raise SystemExit(f"void: {self._branches} branches, {self._shape}: losses {losses}")
        best = dict.fromkeys(self._batches, float("inf"))
        for number in range(rounds):
            for name in list(best)[:: 1 if number % 2 else -1]:
                best[name] = min(best[name], self._run(name)[0])
        mib = {
            name: round(compiled.memory_analysis().temp_size_in_bytes / 2**20)
            for name, compiled in self._compiled.items()
        }
        arguments = self._config, self._shape, self._branches
        return {
            "branches": self._branches,
            "trunk": self._shape.trunk,
            "response": self._shape.response,
            **{f"{name}_s": round(seconds, 4) for name, seconds in best.items()},
            **{f"{name}_mib": mib[name] for name in best},
            "predicted": round(flops.separate(*arguments) / flops.shared(*arguments), 3),
            "ratio": round(best["whole"] / best["shared"], 3),
        }


# ----------------------------------------------------------------------------------- the command


def measure_steps(config: Config, size: str) -> tuple[list[measure.Side], dict]:
    """The three sides after their turns, and what they agree on. Exits where they don't."""
    shape, count, rounds = {
        "quick": (Shape(96, 24, 112), 1, 2),
        "small": (Shape(400, 100, 448), 2, 7),
        "3b": (Shape(519, 256, 448), 4, 7),
    }[size]
    with tempfile.TemporaryDirectory() as folder:
        policy, reference = Path(folder) / "policy", Path(folder) / "reference"
        workload.write_model(config, reference, seed=0)
        workload.write_model(config, policy, seed=0, away=AWAY)
        stored = workload.logprobs(reference, whole_sequences(pairs(config, shape, count)), 2048)
        common = shape, count
        measure.say("DPO step: three sides load and compile")
        made = measure.compare(
            measure.Side("ours", make_ours, policy, None, *common, stored),
            measure.Side("four", make_ours, policy, reference, *common, None),
            measure.Side("torch", make_torch, policy, reference, *common),
            rounds=rounds,
        )
    return made, {
        "shape": vars(shape),
        "pairs": count,
        "losses": measure.agreement(made, size),
    }


def measure_sharing(config: Config, quick: bool) -> list[dict]:
    length, rounds = (24, 1) if quick else (48, 5)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "model"
        workload.write_model(config, directory, seed=0)
        model = workload.parameters(directory)
    cells = [
        # A picture of 16 tokens, and of 64 where the trunk has room for it.
        Sharing(config, model, Shape(t * length, length, 112 if t * length < 100 else 224), k)
        for k, t in ([(2, 1)] if quick else itertools.product(BRANCHES, TRUNKS))
    ]
    programs = [(cell, name) for cell in cells for name in ("shared", "whole")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = [pool.submit(cell.compile, name) for cell, name in programs]
        for number, future in enumerate(as_completed(futures), start=1):
            future.result()
            measure.say(f"  compiled {number} of {len(programs)} programs")
    found = []
    for cell in cells:
        found.append(cell.measure(rounds))
        measure.say("  {branches} branches, trunk {trunk}: {ratio:.2f}x".format(**found[-1]))
    return found


def sharing_table(cells: list[dict]) -> str:
    lines = [
        (
            f"{c['branches']} branches, trunk {c['trunk']}, response {c['response']}",
            *(f"{1000 * c[name]:.0f}" for name in ("shared_s", "whole_s")),
            *(f"{c[name]:,}" for name in ("shared_mib", "whole_mib")),
            *(f"{c[name]:.2f}" for name in ("predicted", "ratio")),
        )
        for c in cells
    ]
    return measure.table(
        "sharing a trunk, gradient only (best times; MiB: XLA's temporary memory)",
        ("", "shared ms", "whole ms", "shared MiB", "whole MiB", "FLOPs", "measured"),
        lines,
    )


def main(arguments=None):
    args = measure.parse_arguments("dpo_step", __doc__, arguments)
    workload.configure()
    neighbours = measure.Neighbours()
    config = workload.model_config(args.size)
    made, content = measure_steps(config, args.size)
    measure.say("shared trunk beside whole sequences")
    cells = measure_sharing(workload.model_config("quick" if args.quick else "small"), args.quick)
    ours, four, theirs = made
    predicted = flops.dpo_ratio(config, Shape(**content["shape"]))
    least = min(cells, key=lambda cell: cell["ratio"])
    ratios = [
        measure.ratio(
            f"four sequences / ours (FLOPs predict {predicted:.2f})",
            four.best / ours.best,
            SHARE_OF_PREDICTED * predicted,
            predicted=round(predicted, 3),
            share_of_predicted=round(four.best / ours.best / predicted, 3),
        ),
        measure.ratio("torch / ours", theirs.best / ours.best, OVER_TORCH),
        measure.ratio("whole sequences / shared trunk, least of all", least["ratio"], 1.0),
    ]
    shape = content["shape"]
    title = (
        f"DPO step: {content['pairs']} pairs, trunk {shape['trunk']} with a picture of "
        f"{shape['side']} px, responses {shape['response']}\n(peak MiB: {measure.MEMORY})"
    )
    tables = [measure.side_table(title, made), sharing_table(cells), measure.ratio_table(ratios)]
    measure.report(
        "dpo_step",
        tables,
        {"ratios": ratios, **content, "sides": measure.figures(made), "sharing": cells},
        neighbours,
        args.json,
    )


if __name__ == "__main__":
    main()
