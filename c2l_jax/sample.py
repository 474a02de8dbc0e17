"""Lets a model answer every question of a data set several times, at random.

  python -m c2l_jax.sample --model runs/sft --data DATASET --split train --n 8 --out responses

--model is a Hugging Face directory or the working directory of a finished training run,
whose exported model is then used; in its place --endpoint and --endpoint-model name a server that
is asked. Writes to --out: sampling.json (the settings and the model's
fingerprint) and responses.jsonl, one line a question with its n responses, each with its text, its
log-probability under the model (at temperature 1, without truncation, end token included), its
number of tokens, whether it ended by itself, and whether its final answer could be read and is
right, as --judge says.

The tokens drawn depend on --seed, the record and the sample's number alone. The same command goes
on where it was stopped or killed, and ends with the same bytes. --rows and --lanes say how much is
computed at a time: more is faster until memory runs out. Another choice of them changes results by
rounding only, which seldom changes a response in float32 but soon does in bfloat16.
"""

import json

import jax
import numpy as np

from c2l_jax import answers, options
from c2l_jax.asking import Settings, ask
from c2l_jax.judging import Judge
from c2l_jax.models.loading import exported_model
from c2l_jax.served import source
from endpoint import Endpoint
from records.errors import exit_on_user_error
from records.paths import AnyPath, anywhere


def sample(
    *,
    model: AnyPath | str | None = None,
    endpoint: Endpoint | None = None,
    data: AnyPath | str,
    out: AnyPath | str,
    split: str = "train",
    tasks: str | None = None,
    per_task: int | None = None,
    limit: int | None = None,
    format: str = "cot",
    n: int = 8,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    max_tokens: int = 512,
    rows: int = 32,
    lanes: int | None = None,
    dtype: str | None = None,
    judge: Judge = answers.judge,
):
    """Writes n responses to each question of a split; see the module and its --help.

    Args:
      endpoint: is asked in place of a model here.

    Raises UserError for arguments that make no sense, a model or data set that isn't there, and an
    `out` that holds responses of other settings.
    """
    settings = Settings(
        split=split,
        tasks=tasks,
        per_task=per_task,
        format=format,
        n=n,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        seed=seed,
        max_tokens=max_tokens,
        limit=limit,
        dtype=None if endpoint else options.chosen_dtype(dtype),
    )
    lanes = max(1, n // 4) if lanes is None else lanes
    if endpoint is None and model is not None:
        model = exported_model(anywhere(model))
    who = source(model, endpoint, rows=rows, lanes=lanes)
    asked = ask(who, anywhere(data), anywhere(out), settings, judge=judge)
    if jax.process_index() == 0:
        print(table(asked.lines, asked.tokens_per_second))


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


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = options.parser_of(sample, "c2l_jax.sample", __doc__)
    options.add_questions(parser)
    options.add_drawing(parser)
    parser.add_argument(
        "--lanes",
        type=int,
        help="responses to a question at a time (default: a quarter of --n, so that those that end "
        "early make room for the next; as many as --n if all are about as long)",
    )
    parser.add_argument(
        "--top-k",
        "--top_k",
        type=int,
        help="then draw from the K likeliest tokens only (default: %(default)s, all)",
    )
    parser.add_argument(
        "--top-p",
        "--top_p",
        type=float,
        help="then from the fewest of them that hold this share of the probability (default: "
        "%(default)s)",
    )
    options.in_cluster(options.with_servers(sample), parser.parse_args(arguments))


if __name__ == "__main__":
    main()
