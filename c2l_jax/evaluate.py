"""Asks a model the questions of a data set and scores its answers.

  python -m c2l_jax.evaluate --model runs/first --data DATASET --split test --out runs/first/eval

--model is a Hugging Face directory or the working directory of a training run, whose
newest checkpoint is then used. Greedy decoding; no answer, and one that can't be read with
certainty, count as not right. In place of --model, --endpoint and --endpoint-model name a server
that speaks OpenAI's protocol and is asked the same (its key is taken from OPENAI_API_KEY); a reply
that is refused, empty or none is a response without an answer, one that is cut counts as far as it
goes, and all are counted. --n N --temperature T draws N responses to each question instead: the
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

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from types import ModuleType

import jax

from c2l_jax import accuracy, choosing, evaluators, options
from c2l_jax.answers import verdict, was_read
from c2l_jax.asking import Asked, Settings, ask
from c2l_jax.judging import Judge, import_path
from c2l_jax.paths import Board
from c2l_jax.served import source
from endpoint import Endpoint
from records.errors import exit_on_user_error
from records.paths import AnyPath, anywhere, read_json, replace_text

_SAID = {  # by judge and rules
    (True, True): "both right",
    (False, False): "both wrong",
    (True, False): "judge alone",
    (False, True): "rules alone",
}
CURVES = {"single": "mean", "majority": "majority", "oracle": "pass"}  # as evaluation.json has them


def evaluate(
    *,
    model: AnyPath | str | None = None,
    endpoint: Endpoint | None = None,
    data: AnyPath | str,
    out: AnyPath | str,
    split: str = "test",
    tasks: str | None = None,
    per_task: int | None = None,
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
      endpoint: is asked in place of a model here.
      evaluator: a name or import path (c2l_jax.evaluators); None takes the benchmark's.
      judge: in place of the evaluator's.

    Returns what evaluation.json holds. Raises UserError for arguments that make no sense, a model
    or data set that isn't there, and an `out` that holds responses of other settings.
    """
    data, out = anywhere(data), anywhere(out)
    evaluator = evaluator or evaluators.name_for(data)
    measure = evaluators.named(evaluator)
    rules, judge = measure.judge, judge or measure.judge
    settings = Settings(
        split=split,
        tasks=tasks,
        per_task=per_task,
        format=format,
        n=n,
        temperature=temperature,
        top_p=1.0,
        top_k=0,
        seed=seed,
        max_tokens=max_tokens,
        limit=limit,
        dtype=None if endpoint else options.chosen_dtype(dtype),
    )
    who = source(model, endpoint, rows=rows, lanes=max(1, n // 4))  # as sample has it
    asked = ask(who, data, out, settings, judge=judge, evaluator=measure)
    questions = [json.loads(line) for line in asked.lines]
    result = {
        "model": endpoint.model if endpoint else str(model),
        **({"endpoint": endpoint.url} if endpoint else {}),
        "step": asked.step,
        "data": str(data),
        "split": split,
        "format": format,
        "tasks": tasks,
        "n": n,
        "temperature": temperature,
        "evaluator": evaluator,
        "judge": import_path(judge),
        **_summary(measure, questions, seed),
        **({} if judge is rules else {"agreement": agreement(questions)}),
        **({"failures": failures(questions)} if endpoint else {}),
        "cost": _cost(out, asked, endpoint=endpoint, judge=getattr(judge, "endpoint", None)),
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


def agreement(questions: Sequence[dict]) -> dict[str, int]:
    """Of responses whose answer both a judge and the rules of c2l_jax.answers read: how many both
    hold for right or for wrong, and how many only one of them holds for right."""
    counts = dict.fromkeys(_SAID.values(), 0)
    for question in questions:
        for response in question["responses"]:
            ruled = verdict(response["text"], question)
            if ruled.read and was_read(response):
                said = (response["correct"], ruled.correct)
                counts[_SAID[said]] += 1
    return counts


def failures(questions: Sequence[dict]) -> dict[str, int]:
    """How many responses an endpoint did not give as a whole, by the reason."""
    responses = (response for question in questions for response in question["responses"])
    return dict(Counter(each["failure"] for each in responses if each.get("failure")))


def _cost(out: AnyPath, asked: Asked, **servers: Endpoint | None) -> dict:
    """Of all commands that wrote to `out` and ended."""
    cost = {"questions": asked.new, "seconds": round(asked.seconds, 3) if asked.new else 0.0}
    for name, server in servers.items():
        if server:
            cost |= {name: dataclasses.asdict(server.spent)}
    path = out / "evaluation.json"
    if asked.new == len(asked.lines) or not path.exists():
        return cost
    return _added(read_json(path).get("cost", {}), cost)


def _added(first: dict, second: dict) -> dict:
    """Sums of numbers, name by name; None counts for nothing."""
    total = first | second
    for name in first.keys() & second.keys():
        a, b = first[name], second[name]
        if isinstance(a, dict):
            total[name] = _added(a, b)
        else:
            total[name] = a if b is None else b if a is None else a + b
    return total


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
    if found := result.get("agreement"):
        share = (found["both right"] + found["both wrong"]) / max(1, sum(found.values()))
        print(
            f"judge and rules agree on {100 * share:.1f} % of {sum(found.values())} responses that "
            f"both read; right for the judge alone: {found['judge alone']}, for the rules alone: "
            f"{found['rules alone']}"
        )
    for name in ("endpoint", "judge"):
        if spent := result["cost"].get(name):
            told = (
                f"{key.replace('_', ' ')} {value:,.7g}" for key, value in spent.items() if value
            )
            print(f"{name}: {', '.join(told)}")
    if failures := result.get("failures"):
        print("no whole response:", ", ".join(f"{n} {why}" for why, n in failures.items()))


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
    options.in_cluster(options.with_servers(evaluate), parser.parse_args(arguments))


if __name__ == "__main__":
    main()
