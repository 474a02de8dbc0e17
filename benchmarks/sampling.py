"""How fast responses are written, beside the usual ways of doing it.

  python -m benchmarks.sampling            # tables, then one line of JSON
  python -m benchmarks.sampling --json     # that line alone; progress goes to stderr

Two comparisons, both of whole calls (the pictures through the vision tower, the prompt, and then
token by token), with random weights in float32 and responses of a forced length:

  n = 8 samples of one question, trunk to response 4 : 1, at temperature 1
    shared       c2l_jax's sampler: the trunk computed and kept once for eight lanes
    independent  the same sampler given the question eight times
    generate     transformers' `generate` with num_return_sequences=8 and its dynamic cache

  greedy writing for eight questions at a time, short prompts and long responses
    ours         c2l_jax's sampler
    torch        transformers' `generate` with its dynamic cache and the same weights

ours and torch must write the same tokens in float32, or the run is void. How much is gained depends
on how long the prompt is beside the response: the lines "at 4 : 1" give the second comparison there
too, without a target. Each side runs in a process of its own; they take turns, and ratios are of
the best times. On a busy machine torch's threads wait for each other and its ratio comes out too
high: trust it only where others_share_of_cores, printed last, is close to 0. Takes about three
minutes on two cores that are otherwise idle. JAX_PLATFORMS=cuda before the command measures on a
GPU, torch too. Needs `pip install -e .[test]`.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks import flops, measure, workload
from benchmarks.workload import Shape
from c2l_jax.models import weights
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.sampler import PromptShape, Sampler
from c2l_jax.sharding import make_mesh

SAMPLES = BATCH = 8
OVER_INDEPENDENT, OVER_TORCH = 1.8, 2.5


def prompts(config: Config, shape: Shape, count: int) -> list[dict]:
    rng = np.random.default_rng(0)
    return [workload.prompt(config, shape, rng) for _ in range(count)]


def make_ours(model: Path, shape: Shape, questions: int, copies: int, n: int, temperature: float):
    """The sampler on each of `questions` prompts given `copies` times, n responses to each."""
    config = Config.from_directory(model)
    compute = workload.compute_of(config)
    made = prompts(config, shape, questions) * copies
    sampler = Sampler(
        config,
        compute,
        mesh=make_mesh({"data": 1, "fsdp": -1, "tensor": 1}),
        shape=PromptShape(shape.trunk, len(made[0]["tile_images"])),
        end_tokens=(),
        max_tokens=shape.response,
        rows=len(made),
        lanes=n,
        temperature=temperature,
    )

    loaded = weights.load(model)
    loaded = {path: param.astype(compute.dtype) for path, param in loaded.items()}
    params = sampler.prepare(loaded, consume=True)

    def run() -> list[list[int]]:
        written = dict(sampler.run(params, enumerate(made), n, seed=0))
        return [response.tokens for number in sorted(written) for response in written[number]]

    return run, {}


def make_torch(model: Path, shape: Shape, questions: int, n: int):
    """transformers' `generate`: n responses to each, at random if there are several."""
    from benchmarks import torch_side

    made = prompts(Config.from_directory(model), shape, questions)
    return torch_side.make_generate(model, made, shape.response, n), {}


def check(made: list[measure.Side], shape: Shape, count: int, same: bool):
    """Exits unless every side wrote `count` responses of full length, and, if `same`, the same."""
    first = made[0].results[0]
    for side in made:
        for written in side.results:
            if [len(tokens) for tokens in written] != [shape.response] * count:
                raise SystemExit(f"void: {side.name} wrote {list(map(len, written))} tokens")
            if same and written != first:
                equal = np.mean(np.equal(written, first))
                raise SystemExit(f"void: {side.name} wrote other tokens ({equal:.1%} the same)")


def title(what: str, shape: Shape) -> str:
    return (
        f"{what}: trunk {shape.trunk} with a picture of {shape.side} px, "
        f"{shape.response} tokens a response"
    )


def main(arguments=None):
    args = measure.parse_arguments("sampling", __doc__, arguments)
    workload.configure()
    neighbours = measure.Neighbours()
    config = workload.model_config(args.size)
    four_to_one = Shape(48, 12, 112) if args.quick else Shape(400, 100, 448)
    long = Shape(48, 16, 112) if args.quick else Shape(128, 256, 224)
    rounds = 1 if args.quick else 7
    generation = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        workload.write_model(config, model, seed=0)
        measure.say(f"{SAMPLES} samples of one question")
        samples = measure.compare(
            measure.Side("shared", make_ours, model, four_to_one, 1, 1, SAMPLES, 1.0),
            measure.Side("independent", make_ours, model, four_to_one, 1, SAMPLES, 1, 1.0),
            measure.Side("generate", make_torch, model, four_to_one, 1, SAMPLES),
            rounds=rounds,
        )
        check(samples, four_to_one, SAMPLES, same=False)
        for name, shape in (("", long), (" at 4 : 1", four_to_one)):
            measure.say(f"{BATCH} questions, greedy, {shape}")
            generation[name] = measure.compare(
                measure.Side(f"ours{name}", make_ours, model, shape, BATCH, 1, 1, 0.0),
                measure.Side(f"torch{name}", make_torch, model, shape, BATCH, 1),
                rounds=rounds,
            )
            check(generation[name], shape, BATCH, same=args.size != "3b")
    shared, independent, generate = samples
    predicted = flops.sampling_ratio(config, four_to_one, SAMPLES)
    ratios = [
        measure.ratio(
            f"independent prompts / shared prefill, n = {SAMPLES} (FLOPs: {predicted:.2f})",
            independent.best / shared.best,
            OVER_INDEPENDENT,
            predicted=round(predicted, 3),
        ),
        measure.ratio(
            f"generate / shared prefill, n = {SAMPLES}", generate.best / shared.best, OVER_TORCH
        ),
    ]
    for name, (ours, theirs) in generation.items():
        target = None if name else OVER_TORCH
        ratios.append(measure.ratio(f"torch / ours{name}", theirs.best / ours.best, target))
    tables = [
        measure.side_table(title("n = 8 samples of a question", four_to_one), samples),
        measure.side_table(title("8 questions, greedy", long), generation[""]),
        measure.side_table(title("8 questions, greedy", four_to_one), generation[" at 4 : 1"]),
        f"peak MiB: {measure.MEMORY}",
        measure.ratio_table(ratios),
    ]
    every = [*samples, *generation[""], *generation[" at 4 : 1"]]
    content = {"ratios": ratios, "sides": measure.figures(every)}
    content |= {"shapes": {"4 : 1": vars(four_to_one), "long": vars(long)}}
    measure.report("sampling", tables, content, neighbours, args.json)


if __name__ == "__main__":
    main()
