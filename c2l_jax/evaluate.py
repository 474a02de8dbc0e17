"""Asks a model the questions of a data set and scores its answers.

  python -m c2l_jax.evaluate --model runs/first --data DATASET --split test --out runs/first/eval

--model is a Hugging Face directory or the working directory of a training run, whose
newest checkpoint is then used. Greedy decoding; no answer, and one that can't be read with
certainty, count as not right. Writes to --out: evaluation.json (accuracy overall, by game, task,
type and level, with counts, 95 % intervals and the share of unread answers), responses.jsonl (every
question's response and verdict) and TensorBoard events.
"""

import argparse
import json
import math
from collections.abc import Sequence

import jax
import numpy as np
from tqdm import tqdm

from c2l_jax import answers, scores
from c2l_jax.data.processor import INSTRUCTIONS, Processor, as_asked
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.paths import Board
from c2l_jax.responses import RESPONSES, SETTINGS
from c2l_jax.sampler import PromptShape, Sampler
from c2l_jax.sharding import make_mesh
from records.errors import UserError, exit_on_user_error, pattern_of
from records.paths import anywhere, output_folder, replace_text
from records.reading import Split, open_split
from records.schema import SPLITS, task_name

_LEAST_TEMPERATURE = float(np.finfo(np.float32).tiny)  # logits divided by less are no numbers
KEPT = ("id", "game", "task", "qa_type", "qa_level", "plot_level", "question", "options", "answer")


def judged(record: dict, response: str) -> dict:
    """A line of responses.jsonl."""
    kept = {name: record[name] for name in KEPT}
    return {**kept, "response": response, **answers.judge(response, record).fields()}


def add_arguments(parser: argparse.ArgumentParser, split: str):
    """What every command that asks a data set's questions takes; `split` is the default."""
    parser.add_argument("--model", type=anywhere, required=True, metavar="DIR_OR_WORKDIR")
    parser.add_argument("--data", type=anywhere, required=True, metavar="DATASET")
    parser.add_argument("--split", default=split, help=f"{', '.join(SPLITS)} (default: {split})")
    parser.add_argument("--out", type=anywhere, required=True, metavar="DIR")
    parser.add_argument(
        "--format",
        default="cot",
        choices=list(INSTRUCTIONS),
        help="cot: a chain of reasoning, open: the same but without the options, direct: the "
        "answer alone (default: cot)",
    )
    parser.add_argument(
        "--tasks", metavar="REGEX", help='only records whose "game/task" has it (default: all)'
    )
    parser.add_argument("--limit", type=int, help="only the first N of them (default: all)")
    parser.add_argument("--rows", type=int, default=32, help="questions at a time (default: 32)")
    parser.add_argument(
        "--max-tokens", type=int, default=512, help="longest response (default: 512)"
    )
    add_dtype(parser)


def add_dtype(parser: argparse.ArgumentParser):
    parser.add_argument(
        "--dtype",
        choices=["float32", "bfloat16"],
        default="float32" if jax.default_backend() == "cpu" else "bfloat16",
        help="what the model computes in (default: float32 on a CPU, else bfloat16)",
    )


def device_mesh(rows: int) -> jax.sharding.Mesh:
    """All devices, each with its share of the rows. Raises UserError where they don't share."""
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1})
    if rows < 1 or rows % mesh.size:
        raise UserError(f"--rows {rows} must be a positive multiple of {mesh.size} devices.")
    return mesh


def check_positive(**values: int | None):
    """Raises UserError that names the option, for one below 1; None is an option not given."""
    for name, value in values.items():
        if value is not None and value < 1:
            raise UserError(f"--{name.replace('_', '-')} {value} must be at least 1.")


def check_temperature(temperature: float):
    """Raises UserError unless 0 or a number by which logits can be divided in float32."""
    if temperature and not _LEAST_TEMPERATURE <= temperature < math.inf:
        raise UserError(
            f"--temperature {temperature} must be 0 or a number of at least "
            f"{_LEAST_TEMPERATURE:.2g}."
        )


def check_seed(seed: int):
    if seed < 0:
        raise UserError(f"--seed {seed} must not be negative.")


def asked_records(split: Split, tasks: str | None, limit: int | None) -> Sequence[int]:
    """The first `limit` records whose "game/task" has the pattern; None stands for all.

    Raises UserError for a bad pattern and where there is no such record.
    """
    if tasks is None:
        return range(len(split))[:limit]
    pattern = pattern_of(tasks, "--tasks")
    kinds, kind_n = split.kinds()
    names = [task_name(kind) for kind in kinds]
    matches = np.asarray([pattern.search(name) is not None for name in names])
    found = np.flatnonzero(matches[kind_n])[:limit].tolist()
    if not found:
        raise UserError(f"--tasks {tasks!r}: no record matches; names look like {names[0]!r}.")
    return found


def prompt_shape(
    processor: Processor, split: Split, records: Sequence[int], format: str
) -> PromptShape:
    """What the longest of these prompts fits in."""
    sizes = (processor.size(split[i], format) for i in tqdm(records, "measuring", leave=False))
    return PromptShape.that_fits(sizes)


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(
        prog="python -m c2l_jax.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser, split="test")
    args = parser.parse_args(arguments)
    check_positive(limit=args.limit, max_tokens=args.max_tokens)
    if (args.out / SETTINGS).exists():
        raise UserError(f"{args.out} holds responses of c2l_jax.sample: use another --out.")
    output_folder(args.out)
    mesh = device_mesh(args.rows)
    split = open_split(args.data, args.split)
    records = asked_records(split, args.tasks, args.limit)
    model = load_model(args.model, mesh, Compute(args.dtype))
    processor = Processor(model.directory)
    sampler = Sampler(
        model.config,
        model.compute,
        mesh=mesh,
        shape=prompt_shape(processor, split, records, args.format),
        end_tokens=processor.end_token_ids,
        max_tokens=args.max_tokens,
        rows=args.rows,
    )
    prompts = ((i, processor.prompt(split[i], args.format)) for i in records)
    params = sampler.prepare(model.params, consume=True)
    answered = tqdm(sampler.run(params, prompts, n=1, seed=0), "answering", total=len(records))
    texts = {i: processor.tokenizer.decode(response.tokens) for i, (response,) in answered}
    rows = [judged(as_asked(split[i], args.format), texts[i]) for i in records]

    summary = scores.summarise(rows)
    result = {
        "model": str(args.model),
        "step": model.step,
        "data": str(args.data),
        "split": args.split,
        "format": args.format,
        "tasks": args.tasks,
        **summary,
    }
    replace_text(args.out / RESPONSES, "".join(json.dumps(row) + "\n" for row in rows))
    replace_text(args.out / "evaluation.json", json.dumps(result, indent=2) + "\n")
    with Board(args.out) as board:
        for group in ("by_game", "by_task", "by_qa_type", "by_level"):
            for name, cell in summary[group].items():
                board.add_scalar(f"accuracy_{group}/{name}", cell["accuracy"], model.step)
        # Training's "accuracy" is of tokens: not in one picture.
        board.add_scalar("accuracy_overall", summary["overall"]["accuracy"], model.step)
        board.add_scalar("unread_overall", summary["overall"]["unread"], model.step)
    print(scores.table(summary))


if __name__ == "__main__":
    main()
