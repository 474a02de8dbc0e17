"""How fast an SFT step on pictures is, beside transformers in torch.

  python -m benchmarks.sft_step            # tables, then one line of JSON
  python -m benchmarks.sft_step --json     # that line alone; progress goes to stderr

Two batches of questions with a picture and a response on which the loss is:

  equal   eight questions of one length, so that nobody pads
  mixed   sixteen, with pictures of 112 to 448 px and responses of 16 to 256 tokens

and three sides, from the same weights in float32, with the same clipping and AdamW:

  ours    c2l_jax's loss and update step; mixed questions are packed into rows
  stock   transformers' Qwen2.5-VL as it comes: padded to the longest, gradient checkpointing, the
          loss from labels (logits of every token)
  tuned   the same without checkpointing, the head on response tokens alone, and windows of the
          vision tower attended to together instead of one after the other

Their losses must agree at the start and after the first two updates, or the run is void. Each side
runs in a process of its own; they take turns, and ratios are of the best times. On a busy machine
torch's threads wait for each other and its ratios come out too high: trust them only where
others_share_of_cores, printed last, is close to 0. JAX_PLATFORMS=cuda before the command measures
on a GPU, torch too. Needs `pip install -e .[test]`.
"""

import tempfile
from pathlib import Path

import grain
import jax
import numpy as np

from benchmarks import measure, workload
from benchmarks.workload import Shape
from c2l_jax import flops
from c2l_jax.data.layout import RowShape, size
from c2l_jax.data.packing import pack
from c2l_jax.data.processor import add_branches
from c2l_jax.models import weights
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.objectives import sft

OVER_STOCK, OVER_TUNED = 1.2, 1.0
UNITS = 16  # merged tokens of a tile


def shapes(mixed: bool, size: str) -> list[Shape]:
    if not mixed:
        equal = {"quick": Shape(48, 12, 112), "small": Shape(300, 84, 336)}
        return [equal.get(size, Shape(384, 256, 448))] * (2 if size == "quick" else 8)
    sides, count, longest, text = {
        "quick": ([112], 3, 24, 30),
        "small": ([112, 224, 336, 448], 16, 256, 120),
        "3b": ([336, 448, 672, 1008], 16, 512, 200),
    }[size]
    rng = np.random.default_rng(1)
    sides = rng.choice(sides, count)
    lengths = np.exp(rng.uniform(np.log(longest / 16), np.log(longest), len(sides))).astype(int)
    texts = rng.integers(10, text, len(sides))
    return [
        Shape(int((side // 28) ** 2 + text), int(max(length, 1)), int(side))
        for side, length, text in zip(sides, lengths, texts, strict=True)
    ]


def questions(config: Config, asked: list[Shape]) -> list[tuple[dict, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [(workload.prompt(config, s, rng), workload.response(config, s, rng)) for s in asked]


def packed(made: list[tuple[dict, np.ndarray]]) -> dict[str, np.ndarray]:
    """One batch of as few rows as first-fit packing makes, a little wider than the longest."""
    examples = [{"id": i, **add_branches(p, [r])} for i, (p, r) in enumerate(made)]
    sizes = np.array([size(example) for example in examples])
    if len({tuple(each) for each in sizes}) == 1:
        return workload.batch(examples)
    rows = max(1, int(sizes[:, 0].sum() // (1.5 * sizes[:, 0].max())))
    while True:
        shares = -(-1.1 * sizes.sum(0) // rows)
        shape = RowShape(*np.maximum(shares, sizes.max(0)).astype(int).tolist())
        source = grain.MapDataset.source(examples).to_iter_dataset()
        batches = list(pack(source, rows=rows, shape=shape, units=UNITS, bins=rows))
        if len(batches) == 1:
            return {name: value for name, value in batches[0].items() if name != "ids"}
        rows -= 1


def make_ours(model: Path, asked: list[Shape]):
    """c2l_jax's step."""
    config = workload.settings()
    model_config = Config.from_directory(model)
    graphdef, params = workload.parameters(model)
    batch = packed(questions(model_config, asked))

    def loss(params, batch):
        model = workload.model_of(graphdef, params, model_config)
        total, weight, metrics = sft.loss(model, batch, config)
        return total, {"loss": total, "weight": weight, **metrics}

    run, _ = workload.compile_step(loss, params, batch, config)
    shapes = weights.abstract(model_config)[1]
    arithmetic = flops.step_flops(model_config, shapes, flops.work(batch), set(shapes))
    peak = flops.peak_flops(jax.devices()[0].device_kind)
    rows = "{} x {}".format(*batch["tokens"].shape)
    return run, {"rows": rows, "flops": arithmetic, "peak_flops": peak}


def make_torch(model: Path, asked: list[Shape], tuned: bool):
    from benchmarks import torch_side

    made = questions(Config.from_directory(model), asked)
    return torch_side.make_sft(model, made, workload.settings(), tuned), {}


def speed(name: str, seconds: float, facts: dict, tokens: int) -> str:
    """Tokens a second that are no padding, and the model's arithmetic; see c2l_jax.flops."""
    rate, peak = facts["flops"] / seconds, facts["peak_flops"]
    share = f", {100 * rate / peak:.1f} % of the device's peak" if peak else ""
    return f"{name}: {tokens / seconds:,.0f} tokens/s, {rate / 1e12:.3g} TFLOP/s{share}"


def main(arguments=None):
    args = measure.parse_arguments("sft_step", __doc__, arguments)
    workload.configure()
    neighbours = measure.Neighbours()
    config = workload.model_config(args.size)
    ratios, tables, every, content = [], [], [], {"losses": {}, "tokens": {}}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        workload.write_model(config, model, seed=0)
        for name in ("equal", "mixed"):
            asked = shapes(name == "mixed", args.size)
            measure.say(f"{name}: three sides load and compile")
            made = ours, stock, tuned = measure.compare(
                measure.Side("ours", make_ours, model, asked),
                measure.Side("stock", make_torch, model, asked, False),
                measure.Side("tuned", make_torch, model, asked, True),
                rounds=2 if args.quick else 7,
            )
            content["losses"][name] = measure.agreement(made, args.size)
            tokens = content["tokens"][name] = sum(s.trunk + 1 + s.response for s in asked)
            rates = [speed(side.name, side.best, ours.facts, tokens) for side in made]
            title = "\n".join(
                [f"SFT step, {name}: {len(asked)} questions, {tokens:,} tokens", *rates]
            )
            tables.append(measure.side_table(title, made))
            ratios += [
                measure.ratio(f"stock / ours, {name}", stock.best / ours.best, OVER_STOCK),
                measure.ratio(f"tuned / ours, {name}", tuned.best / ours.best, OVER_TUNED),
            ]
            every += measure.figures(made)
    tables += [f"peak MiB: {measure.MEMORY}", measure.ratio_table(ratios)]
    content = {"ratios": ratios, "sides": every, **content}
    measure.report("sft_step", tables, content, neighbours, args.json)


if __name__ == "__main__":
    main()
