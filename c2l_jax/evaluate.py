"""Asks a model the questions of a data set and scores its answers.

  python -m c2l_jax.evaluate --model runs/first --data DATASET --split test --out runs/first/eval

--model is a Hugging Face directory or the working directory of a training run, whose
newest checkpoint is then used. Greedy decoding; no answer, and one that can't be read with
certainty, count as not right. --n N --temperature T draws N responses to each question instead: the
accuracy is their mean, and the curves say how often the majority of N and any of N (pass@N) is
right. Writes to --out: evaluation.json (accuracy overall, by game, task, type and level, with
counts, 95 % intervals and the share of unread answers), sampling.json and responses.jsonl (every
question's responses and verdicts, as c2l_jax.sample writes them) and TensorBoard events. The same
command goes on where it was stopped or killed.

--evaluator says what is asked and what counts: games (rules on values), circular (multiple choice
in all rotations of the options), relaxed (5 % on numbers), anls, vqa (agreement with several
people), mathematics (equal formulas), exact, or the import path of a module. By default that of the
benchmark that the data set was imported from, and games where none is known.
"""

import json
from types import ModuleType

import jax

from c2l_jax import accuracy, choosing, evaluators, options
from c2l_jax.asking import Model, Settings, ask
from c2l_jax.judging import Judge, import_path
from c2l_jax.paths import Board
from records.errors import exit_on_user_error
from records.paths import AnyPath, anywhere, replace_text

CURVES = {"single": "mean", "majority": "majority", "oracle": "pass"}  # as evaluation.json has them


def evaluate(
    *,
    model: AnyPath | str,
    data: AnyPath | str,
    out: AnyPath | str,
    split: str = "test",
    tasks: str | None = None,
    limit: int | None = None,
    format: str = "cot",
    n: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
    max_tokens: int = 512,
    rows: int = 32,
    dtype: str | None = None,
    evaluator: str | None = None,
    judge: Judge | None = None,
) -> dict:
    """Writes responses to each question of a split, and how often they are right.

    Args:
      evaluator: a name or import path (c2l_jax.evaluators); None takes the benchmark's.
      judge: in place of the evaluator's.

    Returns what evaluation.json holds. Raises UserError for arguments that make no sense, a model
    or data set that isn't there, and an `out` that holds responses of other settings.
    """
    model, data, out = anywhere(model), anywhere(data), anywhere(out)
    evaluator = evaluator or evaluators.name_for(data)
    measure = evaluators.named(evaluator)
    judge = judge or measure.judge
    settings = Settings(
        split=split,
        tasks=tasks,
        format=format,
        n=n,
        temperature=temperature,
        top_p=1.0,
        top_k=0,
        seed=seed,
        max_tokens=max_tokens,
        limit=limit,
        dtype=options.chosen_dtype(dtype),
    )
    source = Model(model, rows, lanes=max(1, n // 4))  # as sample has it
    asked = ask(source, data, out, settings, judge=judge, evaluator=measure)
    result = {
        "model": str(model),
        "step": asked.step,
        "data": str(data),
        "split": split,
        "format": format,
        "tasks": tasks,
        "n": n,
        "temperature": temperature,
        "evaluator": evaluator,
        "judge": import_path(judge),
        **_summary(measure, [json.loads(line) for line in asked.lines], seed),
    }
    if jax.process_index() == 0:
        _write(out, result)
    return result


def _summary(measure: ModuleType, questions: list[dict], seed: int) -> dict:
    summary = getattr(measure, "summarise", evaluators.summarise)(questions)
    if len(questions[0]["responses"]) == 1:
        return summary
    curves = choosing.curves(questions, seed=seed)
    return summary | {"curves": {CURVES[method]: points for method, points in curves.items()}}


def _write(out: AnyPath, result: dict):
    replace_text(out / "evaluation.json", json.dumps(result, indent=2) + "\n")
    with Board(out) as board:
        for group in accuracy.GROUPS:
            for name, cell in result[group].items():
                board.add_scalar(f"accuracy_{group}/{name}", cell["accuracy"], result["step"])
        # Training's "accuracy" is of tokens: not in one picture.
        board.add_scalar("accuracy_overall", result["overall"]["accuracy"], result["step"])
        board.add_scalar("unread_overall", result["overall"]["unread"], result["step"])
        for name, figure in result.get("figures", {}).items():
            board.add_scalar(f"figures/{name}", figure, result["step"])
    print(accuracy.table(result))
    if "curves" in result:
        print(choosing.table(result["curves"]))


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = options.parser_of(evaluate, "c2l_jax.evaluate", __doc__)
    options.add_questions(parser)
    options.add_drawing(parser)
    parser.add_argument(
        "--evaluator",
        metavar="NAME_OR_MODULE",
        help=f"{', '.join(evaluators.EVALUATORS)} (default: the data set's)",
    )
    options.in_cluster(evaluate, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
