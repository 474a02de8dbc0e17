"""Asks a model the questions of a data set and scores its answers.

  python -m c2l_jax.evaluate --model runs/first --data DATASET --split test --out runs/first/eval

--model is a Hugging Face directory or the working directory of a training run, whose
newest checkpoint is then used. Greedy decoding; no answer, and one that can't be read with
certainty, count as not right. Writes to --out: evaluation.json (accuracy overall, by game, task,
type and level, with counts, 95 % intervals and the share of unread answers), sampling.json and
responses.jsonl (every question's response and verdict, as c2l_jax.sample writes them) and
TensorBoard events. The same command goes on where it was stopped or killed.
"""

import json

import jax

from c2l_jax import accuracy, answers, options
from c2l_jax.asking import Settings, ask
from c2l_jax.judging import Judge, import_path
from c2l_jax.paths import Board
from c2l_jax.responses import judged
from records.errors import exit_on_user_error
from records.paths import AnyPath, anywhere, replace_text


def evaluate(
    *,
    model: AnyPath | str,
    data: AnyPath | str,
    out: AnyPath | str,
    split: str = "test",
    tasks: str | None = None,
    limit: int | None = None,
    format: str = "cot",
    max_tokens: int = 512,
    rows: int = 32,
    dtype: str | None = None,
    judge: Judge = answers.judge,
) -> dict:
    """Writes one greedy response to each question of a split, and how often they are right.

    Returns what evaluation.json holds. Raises UserError for arguments that make no sense, a model
    or data set that isn't there, and an `out` that holds responses of other settings.
    """
    settings = Settings(
        split=split,
        tasks=tasks,
        format=format,
        n=1,
        temperature=0.0,
        top_p=1.0,
        top_k=0,
        seed=0,
        max_tokens=max_tokens,
        limit=limit,
        dtype=options.chosen_dtype(dtype),
    )
    model, data, out = anywhere(model), anywhere(data), anywhere(out)
    asked = ask(model, data, out, settings, rows=rows, lanes=1, judge=judge)
    summary = accuracy.summarise(judged(map(json.loads, asked.lines)))
    result = {
        "model": str(model),
        "step": asked.step,
        "data": str(data),
        "split": split,
        "format": format,
        "tasks": tasks,
        "judge": import_path(judge),
        **summary,
    }
    if jax.process_index() == 0:
        _write(out, result)
    return result


def _write(out: AnyPath, result: dict):
    replace_text(out / "evaluation.json", json.dumps(result, indent=2) + "\n")
    with Board(out) as board:
        for group in ("by_game", "by_task", "by_qa_type", "by_level"):
            for name, cell in result[group].items():
                board.add_scalar(f"accuracy_{group}/{name}", cell["accuracy"], result["step"])
        # Training's "accuracy" is of tokens: not in one picture.
        board.add_scalar("accuracy_overall", result["overall"]["accuracy"], result["step"])
        board.add_scalar("unread_overall", result["overall"]["unread"], result["step"])
    print(accuracy.table(result))


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = options.parser_of(evaluate, "c2l_jax.evaluate", __doc__)
    options.add_questions(parser)
    options.in_cluster(evaluate, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
