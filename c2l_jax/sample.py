"""Lets a model answer every question of a data set several times, at random.

  python -m c2l_jax.sample --model runs/sft --data DATASET --split train --n 8 --out responses

--model is a Hugging Face directory or the working directory of a finished training run,
whose exported model is then used. Writes to --out: sampling.json (the settings and the model's
fingerprint) and responses.jsonl, one line a question with its n responses, each with its text, its
log-probability under the model (at temperature 1, without truncation, end token included), its
number of tokens, whether it ended by itself, and whether its final answer could be read and is
right.

The tokens drawn depend on --seed, the record and the sample's number alone. The same command goes
on where it was stopped or killed, and ends with the same bytes. --rows and --lanes say how much is
computed at a time: more is faster until memory runs out. Another choice of them changes results by
rounding only, which seldom changes a response in float32 but soon does in bfloat16.
"""

import argparse
import contextlib
import json
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from c2l_jax import answers
from c2l_jax.data.processor import Processor, as_asked
from c2l_jax.evaluate import (
    KEPT,
    add_arguments,
    asked_records,
    check_positive,
    check_seed,
    check_temperature,
    device_mesh,
    prompt_shape,
)
from c2l_jax.models.directory import fingerprint
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import exported_model, load_model
from c2l_jax.paths import Lines
from c2l_jax.responses import RESPONSES, SETTINGS
from c2l_jax.sampler import Response, Sampler
from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, output_folder, read_json, recorded, replace_text
from records.reading import Split, open_split


def question_line(index: int, record: dict, responses: list[dict]) -> str:
    """A line of responses.jsonl."""
    kept = {name: record[name] for name in KEPT}
    line = {"id": record["id"], "index": index, **kept, "responses": responses}
    return json.dumps(line) + "\n"


def judged(response: Response, record: dict, processor: Processor) -> dict:
    text = processor.tokenizer.decode(response.tokens)
    return {
        "text": text,
        "logp": round(response.logp, 4),
        "tokens": len(response.logps),
        "ended": response.ended,
        **answers.judge(text, record).fields(),
    }


def claim(out: AnyPath, settings: dict, started: bool):
    """Writes sampling.json, or, once there are responses, checks that it says the same.

    Raises UserError where it doesn't.
    """
    path = out / SETTINGS
    if started and path.exists():
        there = read_json(path)
        there |= {name: recorded(there[name]) for name in ("model", "data") if name in there}
        changed = [
            f"{name}: {there.get(name)} there, {settings.get(name)} now"
            for name in sorted(there.keys() | settings.keys())
            if there.get(name) != settings.get(name)
        ]
        if changed:
            raise UserError(
                f"{out} holds responses of other settings ({'; '.join(changed)}): use its "
                "settings, or another --out."
            )
    else:
        replace_text(path, json.dumps(settings, indent=2) + "\n")


def complete_lines(path: AnyPath) -> dict[int, str]:
    """The complete lines of responses.jsonl by index, without what a kill left of a last one."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    lines = content[:end].decode().splitlines(keepends=True)
    try:
        return {json.loads(line)["index"]: line for line in lines}
    except (ValueError, KeyError):
        raise UserError(f"{path} holds a line that is no question: use another --out.") from None


def check_records(done: dict[int, str], asked: Sequence[int], split: Split, path: AnyPath):
    """Raises UserError where a line is not of the record that is asked now."""
    places = frozenset(asked)
    for index, line in done.items():
        written = json.loads(line)["id"]
        if index not in places or split[index]["id"] != written:
            raise UserError(
                f"{path} holds responses to {written} at place {index}, which this command doesn't "
                "ask: use the data set they were sampled on, or another --out."
            )


def table(lines: list[str], tokens_per_second: float | None) -> str:
    """What came of it, over all questions."""
    questions = [json.loads(line)["responses"] for line in lines]
    right = [[response["correct"] for response in question] for question in questions]
    unread = [not answers.was_read(response) for question in questions for response in question]
    shares = np.array([np.mean(question) for question in right])
    figures = {
        "questions": f"{len(shares)}",
        "accuracy of samples": f"{100 * shares.mean():.1f} %",
        "answers unread": f"{100 * np.mean(unread):.1f} %",
        "all samples right": f"{100 * (shares == 1).mean():.1f} %",
        "all samples wrong": f"{100 * (shares == 0).mean():.1f} %",
        "some right, some wrong": f"{100 * ((shares > 0) & (shares < 1)).mean():.1f} %",
        "tokens/s": "-" if tokens_per_second is None else f"{tokens_per_second:,.0f}",
    }
    return "\n".join(f"{name:22}  {value:>9}" for name, value in figures.items())


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m c2l_jax.sample",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser, split="train")
    parser.add_argument("--n", type=int, default=8, help="responses a question (default: 8)")
    parser.add_argument(
        "--lanes",
        type=int,
        help="responses to a question at a time (default: a quarter of --n, so that those that end "
        "early make room for the next; as many as --n if all are about as long)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="divides the logits; 0 takes the likeliest token (default: 1)",
    )
    parser.add_argument(
        "--top-k",
        "--top_k",
        type=int,
        default=0,
        help="then draw from the K likeliest tokens only (default: 0, all)",
    )
    parser.add_argument(
        "--top-p",
        "--top_p",
        type=float,
        default=1.0,
        help="then from the fewest of them that hold this share of the probability (default: 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random draws (default: 0)")
    args = parser.parse_args(arguments)
    if args.lanes is None:
        args.lanes = max(1, args.n // 4)
    check_positive(limit=args.limit, max_tokens=args.max_tokens, n=args.n, lanes=args.lanes)
    check_seed(args.seed)
    check_temperature(args.temperature)
    if args.top_k < 0 or not 0 < args.top_p <= 1:
        raise UserError("--top-k must not be negative, --top-p be in (0, 1].")
    if args.temperature == 0 and args.n > 1:
        raise UserError("--temperature 0 makes all responses to a question alike: add --n 1.")
    return args


def write_responses(args: argparse.Namespace, mesh, model: AnyPath, split, records, done) -> float:
    """Appends a line to responses.jsonl for every question not in `done`; returns tokens/s."""
    loaded = load_model(model, mesh, Compute(args.dtype))
    processor = Processor(loaded.directory)
    sampler = Sampler(
        loaded.config,
        loaded.compute,
        mesh=mesh,
        # Of all records, so that a resumed command computes in the same shapes.
        shape=prompt_shape(processor, split, records, args.format),
        end_tokens=processor.end_token_ids,
        max_tokens=args.max_tokens,
        rows=args.rows,
        lanes=args.lanes,
        temperature=args.temperature,
        top_k=args.top_k,
        top_p=args.top_p,
    )
    prompts = ((i, processor.prompt(split[i], args.format)) for i in records if i not in done)
    params = sampler.prepare(loaded.params, consume=True)
    tokens, began = 0, time.monotonic()
    bar = tqdm(desc="sampling", unit="question", total=len(records), initial=len(done))
    file = Lines(args.out / RESPONSES, list(done.values()))
    with bar, contextlib.closing(file):
        for index, responses in sampler.run(params, prompts, args.n, args.seed):
            record = as_asked(split[index], args.format)
            lines = [judged(response, record, processor) for response in responses]
            done[index] = question_line(index, record, lines)
            file.add(done[index])
            bar.update()
            tokens += sum(len(response.logps) for response in responses)
    return tokens / (time.monotonic() - began)


@exit_on_user_error
def main(arguments: list[str] | None = None):
    args = parse_arguments(arguments)
    output_folder(args.out)
    mesh = device_mesh(args.rows)
    split = open_split(args.data, args.split)
    records = asked_records(split, args.tasks, args.limit)
    model = exported_model(args.model)
    names = "split tasks format n temperature top_p top_k seed max_tokens limit dtype".split()
    settings = {"model": recorded(model), "fingerprint": fingerprint(model)}
    settings["data"] = recorded(args.data)
    settings |= {name: getattr(args, name) for name in names} | {"questions": len(records)}
    path, speed = args.out / RESPONSES, None
    done = complete_lines(path)
    claim(args.out, settings, started=bool(done))
    check_records(done, records, split, path)
    if len(done) < len(records):
        speed = write_responses(args, mesh, model, split, records, done)
    lines = [done[index] for index in records]
    replace_text(path, "".join(lines))
    print(table(lines, speed))


if __name__ == "__main__":
    main()
